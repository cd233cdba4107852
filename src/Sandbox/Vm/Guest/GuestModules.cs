using System.Text;
using Crisp.Kvm.Boot.Linux;
using Crisp.Linux;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Guest;

/// <summary>The kernel's modules that the image has, loaded in the order that it gives.</summary>
internal static class GuestModules
{
    private const int LongestList = 64 << 10;

    /// <summary>One that cannot be loaded is told on the console: whether it was needed shows by itself.</summary>
    public static void Load()
    {
        using var list = Files.Open(GuestFiles.ModuleOrder, OpenFlags.ReadOnly);
        foreach (var path in Encoding.UTF8.GetString(Files.ReadToEnd(list, LongestList)).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                using var file = Files.Open(path, OpenFlags.ReadOnly);
                Machine.LoadModule(file, path);
            }
            catch (LinuxException e)
            {
                Diagnostics.Say($"The module {path} cannot be loaded: {e.Message}");
            }
        }
    }
}
