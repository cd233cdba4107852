using Crisp.Linux;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Pods with a user namespace: one is made, and a mount is mapped to it.</summary>
internal static class UserNamespaceProbe
{
    private const uint HostId = 100_000;
    private static readonly string _map = $"0 {HostId} 65536";

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        if (Try(_ => { }) is { } failure)
        {
            yield return CheckResult.Missing(
                "user namespaces",
                failure,
                Sysctl.Read("user.max_user_namespaces") is 0
                    ? "Pods with hostUsers: false cannot run. Allow some: sysctl -w user.max_user_namespaces=65536"
                    : "Pods with hostUsers: false cannot run. The kernel needs CONFIG_USER_NS.");
            yield break;
        }

        yield return CheckResult.Ok("user namespaces", "can be made and mapped");
        using var directory = ProbeDirectory.Create(context.Config.Root);
        yield return Try(userNamespace => Map(directory.Path, userNamespace)) is { } refusal
            ? CheckResult.Missing(
                "id-mapped mounts",
                $"{refusal} ({ProbeDirectory.Existing(context.Config.Root)})",
                "Pods with hostUsers: false cannot run. Put the root directory on a filesystem that can map ids: ext4, xfs, btrfs.")
            : CheckResult.Ok("id-mapped mounts", $"on the filesystem of {context.Config.Root}");
    }

    private static string? Try(Action<FileDescriptor> action)
    {
        try
        {
            PlanTrial.InUserNamespace(_map, action);
            return null;
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static void Map(string directory, FileDescriptor userNamespace)
    {
        using var mount = Mounts.OpenTree(FileDescriptor.CurrentDirectory, directory, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(mount, MountAttributes.IdMap, userNamespace: userNamespace);
        var owner = Files.Status(mount).Uid;
        if (owner != HostId)
        {
            throw new IOException($"a file of user 0 belongs to {owner} in a mount that maps 0 to {HostId}");
        }
    }
}
