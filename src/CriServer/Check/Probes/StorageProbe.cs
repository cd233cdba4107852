using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The filesystem of the root directory: what it can store and how much of it.</summary>
internal static class StorageProbe
{
    // The kubelet evicts pods below 15 % (imagefs.available) and 5 % (nodefs.inodesFree).
    private const double LittleSpace = 0.15;
    private const double FewInodes = 0.05;
    private const double Gibibyte = 1 << 30;
    private static readonly string[] _attributes = ["trusted.crisp", "user.crisp", "security.crisp"];

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        using var probe = ProbeDirectory.Create(context.Config.Root);
        using var directory = Files.Open(probe.Path, OpenFlags.Directory);
        var status = Files.Statfs(directory);
        foreach (var result in Judge(context.Config.Root, status))
        {
            yield return result;
        }

        probe.Make("entry");
        yield return Files.HasEntryTypes(directory)
            ? CheckResult.Ok("d_type", "directories tell the type of their entries")
            : CheckResult.Necessary(
                "d_type", "directories do not tell the type of their entries", "An overlay needs it. Make an xfs anew with mkfs.xfs -n ftype=1.");

        var lacking = _attributes.Select(name => TryXattr(directory, name)).OfType<string>().ToList();
        yield return lacking.Count == 0
            ? CheckResult.Ok("extended attributes", "trusted, user, security")
            : CheckResult.Necessary(
                "extended attributes", string.Join("; ", lacking), "Overlays and files with capabilities need them. Put the root directory on ext4, xfs or btrfs.");
    }

    internal static IEnumerable<CheckResult> Judge(string root, FilesystemStatus status)
    {
        if (status.Type == FilesystemStatus.TmpfsMagic)
        {
            yield return CheckResult.Warning("storage", $"{root} is on a tmpfs", "Images are gone after a reboot and take memory. Choose another root directory.");
        }

        var free = (double)status.Available * status.BlockSize / Gibibyte;
        var share = status.Blocks == 0 ? 1 : (double)status.Available / status.Blocks;
        var found = FormattableString.Invariant($"{free:0.#} GiB free for {root}, {share:P0}");
        yield return share < LittleSpace
            ? CheckResult.Warning("disk space", found, "The kubelet evicts pods below 15 %. Make room, or use a larger filesystem.")
            : CheckResult.Ok("disk space", found);

        // btrfs has no fixed number of inodes and says 0.
        if (status.Inodes > 0 && (double)status.FreeInodes / status.Inodes < FewInodes)
        {
            yield return CheckResult.Warning(
                "inodes", $"{status.FreeInodes} of {status.Inodes} free", "The kubelet evicts pods below 5 %. Remove small files, or use another filesystem.");
        }
    }

    private static string? TryXattr(FileDescriptor directory, string name)
    {
        try
        {
            Files.SetXattr(directory, name, "1"u8);
            return null;
        }
        catch (LinuxException e)
        {
            return e.Message;
        }
    }
}
