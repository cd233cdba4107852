using Crisp.Linux;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>A root filesystem: the node's own static busybox, with links for its commands.</summary>
internal sealed class TestRootfs
{
    public const string Busybox = "/usr/bin/busybox";

    private static readonly string[] _commands =
    [
        "sh", "cat", "dd", "echo", "env", "false", "grep", "head", "id", "kill", "ln", "ls", "mkdir", "mv", "od", "ps", "rm", "sed", "seq",
        "setsid", "sleep", "stat", "stty", "tail", "test", "touch", "tr", "true", "tty", "usleep", "wc", "yes",
    ];

    public TestRootfs(string path)
    {
        Path = path;
        foreach (var directory in (string[])["bin", "dev", "etc", "proc", "sys", "tmp", "mnt"])
        {
            Directory.CreateDirectory(System.IO.Path.Combine(path, directory));
        }

        File.Copy(Busybox, System.IO.Path.Combine(path, "bin", "busybox"));
        foreach (var command in _commands)
        {
            File.CreateSymbolicLink(System.IO.Path.Combine(path, "bin", command), "busybox");
        }

        File.WriteAllText(System.IO.Path.Combine(path, "etc", "passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
        File.WriteAllText(System.IO.Path.Combine(path, "etc", "group"), "root:x:0:\nuser:x:1000:\n");
    }

    public string Path { get; }

    /// <summary>A detached mount of it, private as the daemon's: pivot_root(2) refuses a shared one, and systemd shares all.</summary>
    public FileDescriptor Open()
    {
        var mount = Mounts.OpenTree(FileDescriptor.CurrentDirectory, Path, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(mount, MountAttributes.None, propagation: MountFlags.Private);
        return mount;
    }
}
