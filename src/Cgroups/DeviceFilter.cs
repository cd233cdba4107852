using Crisp.Linux;

namespace Crisp.Cgroups;

/// <summary>The one device filter of a v2 cgroup.</summary>
internal static class DeviceFilter
{
    /// <summary>Loads the program and puts it in the place of the one before, in one step.</summary>
    public static void Attach(string directory, IReadOnlyList<DeviceRule> rules)
    {
        IReadOnlyList<FileDescriptor> before = [];
        try
        {
            using var program = Bpf.LoadDeviceFilter(DeviceFilterCompiler.Compile(rules));
            using var cgroup = Files.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory);
            before = Bpf.GetDeviceFilters(cgroup);
            Bpf.AttachDeviceFilter(cgroup, program, before.Count == 0 ? null : before[0]);
            for (var i = 1; i < before.Count; i++)
            {
                Bpf.DetachDeviceFilter(cgroup, before[i]);
            }
        }
        catch (LinuxException e)
        {
            throw new CgroupException("set the device filter of", directory, e.Errno, e.Message);
        }
        finally
        {
            foreach (var program in before)
            {
                program.Dispose();
            }
        }
    }
}
