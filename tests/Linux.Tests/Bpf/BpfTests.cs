using Crisp.Linux.Plans;
using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class BpfTests : IDisposable
{
    private static readonly BpfInstruction s_exit = new(0x95, 0, 0, 0);
    private readonly string? _cgroup = MakeCgroup();

    public void Dispose()
    {
        for (var tries = 0; _cgroup is not null && Directory.Exists(_cgroup) && tries < 50; tries++)
        {
            try
            {
                Directory.Delete(_cgroup);
            }
            catch (IOException)
            {
                // A cgroup is busy for a moment after its last process.
                Thread.Sleep(50);
            }
        }
    }

    [Fact]
    public void DeviceFilter_ThatDenies_StopsAChildBornInTheCgroup()
    {
        using var cgroup = OpenCgroup();
        using var deny = Bpf.LoadDeviceFilter(Answer(0));
        Bpf.AttachDeviceFilter(cgroup, deny);

        Assert.Equal("refused\n", RunInside(cgroup, "(: < /dev/null) 2>&- || echo refused"));
    }

    [Fact]
    public void DeviceFilter_Replaced_LeavesOneProgram()
    {
        using var cgroup = OpenCgroup();
        using var deny = Bpf.LoadDeviceFilter(Answer(0));
        using var allow = Bpf.LoadDeviceFilter(Answer(1));
        Bpf.AttachDeviceFilter(cgroup, deny);
        Bpf.AttachDeviceFilter(cgroup, allow, replaced: deny);

        var attached = Bpf.GetDeviceFilters(cgroup);

        Assert.Equal("fine\n", RunInside(cgroup, ": < /dev/null && echo fine"));
        Bpf.DetachDeviceFilter(cgroup, Assert.Single(attached));
        Assert.Empty(Bpf.GetDeviceFilters(cgroup));
        attached[0].Dispose();
    }

    [Fact]
    public void DeviceFilter_Wrong_SaysWhatTheVerifierSaid()
    {
        Root.Required();
        var error = Assert.Throws<LinuxException>(() => Bpf.LoadDeviceFilter([s_exit]));

        Assert.Contains("R0 !read_ok", error.Message);
    }

    private static BpfInstruction[] Answer(int value) => [new(0xB7, 0, 0, value), s_exit];

    private static string? MakeCgroup()
    {
        var root = new[] { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" }.FirstOrDefault(d => File.Exists($"{d}/cgroup.controllers"));
        return root is null || Processes.EffectiveUid != 0
            ? null
            : Directory.CreateDirectory($"{root}/crisp-test-{Guid.NewGuid():n}").FullName;
    }

    private static string RunInside(FileDescriptor cgroup, string script)
    {
        var (read, write) = Pipes.Create();
        using var output = read;
        var builder = new PlanBuilder();
        builder.Dup3(builder.Descriptor("stdout", write), 1);
        using var plan = builder.Shell(script).Build();
        using var process = PlanLauncher.Launch(plan, cgroup: cgroup);
        write.Dispose();
        process.RunToEnd(PlanRunner.Deadline);
        var text = System.Text.Encoding.UTF8.GetString(Files.ReadToEnd(output, 1000));
        Processes.WaitPidfd(process.Pidfd);
        return text;
    }

    private FileDescriptor OpenCgroup()
    {
        Assert.SkipWhen(_cgroup is null, "needs root and a cgroup v2 hierarchy");
        return Files.Open(_cgroup, OpenFlags.Directory);
    }
}
