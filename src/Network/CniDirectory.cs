using Crisp.Linux;

namespace Crisp.Network;

/// <summary>
/// The directory of networks, read anew whenever it has changed. For any number of threads.
/// </summary>
/// <remarks>
/// It is compared with what was read last (names, inodes, sizes, times) when somebody asks, rather than watched by inotify:
/// whoever starts a pod sees what lies there at that moment, the directory may be missing, replaced or a mount point, and the
/// node's inotify instances (128 for each user by default, a limit that busy nodes meet) stay for others. The kubelet asks
/// for the status every few seconds, so changes are reported by then. One look costs a readdir and a stat for each file.
/// </remarks>
public sealed class CniDirectory(string path, TimeProvider? time = null)
{
    private const int MaxBytes = 1 << 20;

    // A file's times advance with the kernel's tick: within it a second change of the same size leaves no trace.
    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(50);
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, NetworkConfigList> _lastGood = [];
    private string? _seen;
    private CniDirectoryState _state = new(null, "");

    public string Path { get; } = path;

    /// <summary>What lies there now.</summary>
    public CniDirectoryState Current
    {
        get
        {
            lock (_gate)
            {
                var (print, newest) = Fingerprint();
                if (print != _seen)
                {
                    _state = Load();
                    _seen = _time.GetUtcNow() - newest > _tick ? print : null;
                }

                return _state;
            }
        }
    }

    private CniDirectoryState Load()
    {
        var problems = new List<string>();
        NetworkConfigList? network = null;
        var names = Names(Path, out var unreadable, ".conflist", ".conf", ".json");
        foreach (var name in names)
        {
            network ??= TryRead(name, problems);
        }

        foreach (var gone in _lastGood.Keys.Except(names).ToList())
        {
            _lastGood.Remove(gone);
        }

        if (network is null && problems.Count == 0)
        {
            problems.Add(unreadable ?? $"There is no CNI configuration in {Path}: a network plugin, which usually comes as a DaemonSet, puts a .conflist file there.");
        }

        return new CniDirectoryState(network, string.Join(" ", problems));
    }

    // A file that is broken now, perhaps half-written, must not take the network from the node: the last good one stays.
    private NetworkConfigList? TryRead(string name, List<string> problems)
    {
        var file = System.IO.Path.Combine(Path, name);
        try
        {
            var network = NetworkConfigReader.Read(ReadFile(file), file, ReadFurther);
            _lastGood[name] = network;
            return network;
        }
        catch (Exception e) when (e is CniException or LinuxException)
        {
            var kept = _lastGood.GetValueOrDefault(name);
            var reason = e is CniException ? e.Message : $"The network configuration {file} cannot be read: {e.Message}";
            problems.Add($"{reason.TrimEnd('.')}.{(kept is null ? "" : " Pods still use what it held before.")}");
            return kept;
        }
    }

    private List<PluginConfig> ReadFurther(string network)
        => [.. Names(System.IO.Path.Combine(Path, network), out _, ".conf").Select(name => NetworkConfigReader.ReadPlugin(ReadFile(System.IO.Path.Combine(Path, network, name))))];

    private static byte[] ReadFile(string path)
    {
        using var file = Files.Open(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        return Files.ReadToEnd(file, MaxBytes);
    }

    private static List<string> Names(string path, out string? problem, params string[] endings)
    {
        problem = null;
        try
        {
            using var directory = Files.Open(path, OpenFlags.Directory);
            return
            [
                .. Files.ReadDirectory(directory).Where(n => endings.Contains(System.IO.Path.GetExtension(n), StringComparer.Ordinal))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (LinuxException e)
        {
            problem = e.Errno == Errno.ENOENT
                ? $"The directory of CNI configurations {path} does not exist: a network plugin, which usually comes as a DaemonSet, makes it."
                : $"The directory of CNI configurations cannot be read: {e.Message}.";
            return [];
        }
    }

    // Everything that could change what is read: the files, and those of the directories beside them.
    private (string Print, DateTimeOffset Newest) Fingerprint()
    {
        var newest = DateTimeOffset.UnixEpoch;
        var parts = new List<string>();
        Look(Path, depth: 0);
        return (string.Join('\n', parts), newest);

        void Look(string path, int depth)
        {
            try
            {
                using var directory = Files.Open(path, OpenFlags.Directory);
                foreach (var name in Files.ReadDirectory(directory).Order(StringComparer.Ordinal))
                {
                    Note(System.IO.Path.Combine(path, name), depth);
                }
            }
            catch (LinuxException e)
            {
                parts.Add($"{path} {e.Errno}");
            }
        }

        void Note(string path, int depth)
        {
            try
            {
                // Follows a symbolic link, as reading does.
                using var file = Files.Open(path, OpenFlags.Path);
                var status = Files.Status(file);
                var changed = DateTimeOffset.FromUnixTimeMilliseconds((status.Changed.Seconds * 1000) + (status.Changed.Nanoseconds / 1_000_000));
                newest = changed > newest ? changed : newest;
                parts.Add($"{path} {status.Inode} {status.Size} {status.Modified} {status.Changed}");
                if (depth == 0 && status.Type == FileType.Directory)
                {
                    Look(path, depth + 1);
                }
            }
            catch (LinuxException e)
            {
                parts.Add($"{path} {e.Errno}");
            }
        }
    }
}

/// <summary>What a directory of networks holds.</summary>
/// <param name="Network">The pods' network; null when there is none.</param>
/// <param name="Problem">Sentences on what is wrong with files; empty when nothing is.</param>
public sealed record CniDirectoryState(NetworkConfigList? Network, string Problem);
