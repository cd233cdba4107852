using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>CLONE_NEW* of clone(2), setns(2) and unshare(2).</summary>
[Flags]
public enum NamespaceFlags : ulong
{
    None = 0,
    Mount = 0x2_0000,
    Cgroup = 0x200_0000,
    Uts = 0x400_0000,
    Ipc = 0x800_0000,
    User = 0x1000_0000,
    Pid = 0x2000_0000,
    Network = 0x4000_0000,
}

/// <summary>Namespaces of the calling thread (namespaces(7)).</summary>
public static class Namespaces
{
    /// <summary>setns(2). With a pidfd, several namespaces of that process at once (Linux 5.8).</summary>
    /// <param name="types">Which; with a namespace descriptor none means whatever it is.</param>
    public static void SetNs(FileDescriptor namespaceOrPidfd, NamespaceFlags types)
        => Check.Result(Libc.setns(namespaceOrPidfd, (int)types), "setns", $"{types}");

    /// <summary>unshare(2).</summary>
    public static void Unshare(NamespaceFlags types) => Check.Result(Libc.unshare((int)types), "unshare", $"{types}");

    /// <summary>A namespace of the calling thread.</summary>
    /// <param name="name">As in /proc/thread-self/ns: mnt, pid, pid_for_children, net, user…</param>
    public static FileDescriptor OpenOwn(string name) => Files.Open($"/proc/thread-self/ns/{name}", OpenFlags.ReadOnly);

    /// <summary>sethostname(2).</summary>
    public static void SetHostname(string name)
        => Check.Result(Libc.sethostname(name, LinuxPath.Encode(name).Length), "sethostname", name);
}
