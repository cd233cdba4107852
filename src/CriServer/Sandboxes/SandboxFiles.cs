using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Crisp.Linux;

namespace Crisp.CriServer.Sandboxes;

/// <summary>The files that every container of a pod sees as /etc/hosts, /etc/hostname, /etc/resolv.conf and /dev/shm.</summary>
/// <param name="Directory">Beneath the root directory; the kubelet mounts its own /etc/hosts over ours.</param>
/// <param name="Shm">A tmpfs that the pod's containers share, as they share the IPC namespace.</param>
public sealed record SandboxFiles(string Directory, string Shm)
{
    private const long ShmBytes = 64 << 20;
    private const uint FileMode = 0x1A4;

    public string Hosts => Path.Combine(Directory, "hosts");

    public string Hostname => Path.Combine(Directory, "hostname");

    public string ResolvConf => Path.Combine(Directory, "resolv.conf");

    /// <summary>Writes the files. Idempotent.</summary>
    /// <param name="owner">Who is root in the pod: 0, or what its user namespace maps 0 to.</param>
    public void Write(PodSandboxConfig config, string hostname, (uint Uid, uint Gid) owner)
    {
        PrivateDirectory.Create(Directory);
        Put(Hosts, ReadNode("/etc/hosts") ?? FormatHosts(hostname, []), owner);
        Put(Hostname, hostname + "\n", owner);
        Put(ResolvConf, config.DnsConfig is { } dns ? Format(dns) : ReadNode("/etc/resolv.conf") ?? "", owner);
    }

    /// <summary>Writes /etc/hosts anew for a pod with addresses of its own.</summary>
    public void WriteHosts(string hostname, IReadOnlyList<string> addresses, (uint Uid, uint Gid) owner)
        => Put(Hosts, FormatHosts(hostname, addresses), owner);

    /// <summary>hosts(5), as the kubelet writes it.</summary>
    public static string FormatHosts(string hostname, IReadOnlyList<string> addresses)
    {
        var text = new StringBuilder(
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
            + "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n");
        foreach (var address in addresses)
        {
            text.Append(address).Append('\t').Append(hostname).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Mounts the pod's /dev/shm, when it is the pod's own: 64 MiB, as every runtime has it.</summary>
    public void MountShm()
    {
        PrivateDirectory.Create(Shm);
        using var context = Mounts.FsOpen("tmpfs");
        Mounts.FsConfigString(context, "mode", "1777");
        Mounts.FsConfigString(context, "size", $"{ShmBytes}");
        Mounts.FsConfigCreate(context);
        using var mount = Mounts.FsMount(context, MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec);
        Mounts.MoveMount(mount, "", FileDescriptor.CurrentDirectory, Shm, MoveMountFlags.FromEmptyPath);
    }

    /// <summary>Takes the mount away, whoever still has it open. Idempotent.</summary>
    public static void UnmountShm(string shm)
    {
        try
        {
            Mounts.Umount2(shm, UnmountFlags.Detach | UnmountFlags.NoFollow);
        }
        catch (LinuxException e) when (e.Errno is Errno.EINVAL or Errno.ENOENT or Errno.ENOTDIR)
        {
            // Not mounted, or never made.
        }
    }

    /// <summary>resolv.conf(5).</summary>
    public static string Format(DNSConfig dns)
    {
        var text = new StringBuilder();
        if (dns.Searches.Count > 0)
        {
            text.Append("search ").AppendJoin(' ', dns.Searches).Append('\n');
        }

        foreach (var server in dns.Servers)
        {
            text.Append("nameserver ").Append(server).Append('\n');
        }

        if (dns.Options.Count > 0)
        {
            text.Append("options ").AppendJoin(' ', dns.Options).Append('\n');
        }

        return text.ToString();
    }

    private static string? ReadNode(string path) => File.Exists(path) ? File.ReadAllText(path) : null;

    private static void Put(string path, string content, (uint Uid, uint Gid) owner)
    {
        using var file = Files.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate | OpenFlags.NoFollow, FileMode);
        Files.WriteAll(file, Encoding.UTF8.GetBytes(content));
        Files.Fchmod(file, FileMode);
        Files.Fchown(file, owner.Uid, owner.Gid);
    }
}
