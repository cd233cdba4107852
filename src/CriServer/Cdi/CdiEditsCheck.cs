using Crisp.CriServer.Containers;
using static Crisp.CriServer.Cdi.CdiException;

namespace Crisp.CriServer.Cdi;

/// <summary>What containerEdits must be like, whoever wants them.</summary>
internal static class CdiEditsCheck
{
    // Longer than any device takes to be set up, and short enough for a number of milliseconds.
    private const int LongestTimeout = 3600;
    private const uint ModeBits = 0xFFF;

    private static readonly string[] s_phases = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

    /// <param name="where">For the sentence: whose edits they are.</param>
    /// <exception cref="CdiException">Without the file's name.</exception>
    public static void Check(CdiEdits edits, string where)
    {
        foreach (var entry in edits.Env)
        {
            Require(IsVariable(entry), $"{where} has the env \"{entry}\", which is not NAME=value");
        }

        foreach (var node in edits.DeviceNodes)
        {
            Require(node is not null, $"{where} has a null in deviceNodes");
            Check(node, where);
        }

        foreach (var mount in edits.Mounts)
        {
            Require(mount is not null, $"{where} has a null in mounts");
            Require(IsPath(mount.HostPath), $"{where} has a mount with the hostPath \"{mount.HostPath}\", {NotPath}");
            Require(IsPath(mount.ContainerPath), $"{where} has a mount with the containerPath \"{mount.ContainerPath}\", {NotPath}");
            Require(mount.Options?.All(o => o is not null) != false, $"{where} has a null in the options of the mount on {mount.ContainerPath}");
        }

        foreach (var hook in edits.Hooks)
        {
            Require(hook is not null, $"{where} has a null in hooks");
            Check(hook, where);
        }
    }

    private const string NotPath = "which is not an absolute path without \"..\"";

    private static void Check(CdiDeviceNode node, string where)
    {
        Require(IsPath(node.Path), $"{where} has a device node with the path \"{node.Path}\", {NotPath}");
        var which = $"{where} has the device node {node.Path} with";
        Require(node.HostPath.Length == 0 || IsPath(node.HostPath), $"{which} the hostPath \"{node.HostPath}\", {NotPath}");
        Require(node.Type is "" or "b" or "c" or "u" or "p", $"{which} the type \"{node.Type}\"; b, c, u and p exist");
        Require(node.Permissions == "none" || node.Permissions.All("rwm".Contains), $"{which} the permissions \"{node.Permissions}\"; they are of r, w and m, or none");
        Require(node.FileMode is null or <= ModeBits, $"{which} a fileMode beyond 07777");
    }

    private static void Check(CdiHook hook, string where)
    {
        Require(s_phases.Contains(hook.HookName), $"{where} has a hook with the hookName \"{hook.HookName}\"; {string.Join(", ", s_phases)} exist");
        Require(IsPath(hook.Path), $"{where} has a {hook.HookName} hook with the path \"{hook.Path}\", {NotPath}");
        var which = $"{where} has the {hook.HookName} hook {hook.Path} with";
        Require(hook.Args?.All(IsText) != false, $"{which} an argument that is null or has a NUL character");
        Require(hook.Env?.All(IsVariable) != false, $"{which} an env that is not NAME=value");
        Require(hook.Timeout is null or (> 0 and <= LongestTimeout), $"{which} the timeout {hook.Timeout}; it is in seconds, from 1 to {LongestTimeout}");
    }

    private static bool IsText(string? text) => text?.Contains('\0', StringComparison.Ordinal) == false;

    private static bool IsVariable(string? entry) => IsText(entry) && entry!.IndexOf('=', StringComparison.Ordinal) > 0;

    private static bool IsPath(string path) => path.Length > 1 && AbsolutePath.Is(path);
}
