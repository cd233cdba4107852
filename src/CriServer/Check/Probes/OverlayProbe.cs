using System.Text;
using Crisp.Images;
using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The root filesystem of containers: an overlay is made on the daemon's filesystem, written to and read.</summary>
internal static class OverlayProbe
{
    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        using var directory = ProbeDirectory.Create(context.Config.Root);
        yield return Try(directory) is { } failure
            ? CheckResult.Necessary("overlay", failure, "Load the module (modprobe overlay), and put the root directory on ext4, xfs with ftype=1 or btrfs.")
            : CheckResult.Ok("overlay", Describe(OverlayMount.Kernel));
    }

    private static string? Try(ProbeDirectory directory)
    {
        try
        {
            Use(directory);
            return null;
        }
        catch (Exception e) when (e is LinuxException or IOException)
        {
            return e.Message;
        }
    }

    private static void Use(ProbeDirectory directory)
    {
        var (lower, other, upper) = (directory.Make("lower"), directory.Make("other"), directory.Make("upper"));
        File.WriteAllText(Path.Combine(lower, "kept"), "lower");
        File.WriteAllText(Path.Combine(lower, "removed"), "lower");
        using var mount = OverlayMount.Create([lower, other], upper, directory.Make("work"));

        // Copied up, and whited out: what needs extended attributes and device nodes of the upper filesystem.
        using (var file = Files.OpenAt(mount, "kept", OpenFlags.WriteOnly | OpenFlags.Append))
        {
            Files.WriteAll(file, Encoding.ASCII.GetBytes(" and upper"));
        }

        Files.UnlinkAt(mount, "removed");
        if (File.ReadAllText(Path.Combine(upper, "kept")) != "lower and upper" || !File.Exists(Path.Combine(lower, "removed")))
        {
            throw new IOException("an overlay's changes did not go to its upper directory");
        }
    }

    private static string Describe(OverlayMethod method) => method switch
    {
        OverlayMethod.Descriptors => "layers by descriptor (fsconfig, Linux 6.13)",
        OverlayMethod.Paths => "layers by path (fsconfig, Linux 6.8)",
        _ => "layers by mount(2) in a namespace of its own",
    };
}
