using Crisp.Install.Host;
using Crisp.Linux;

namespace Crisp.Install;

/// <summary>
/// crisp's programs on a host: a directory for each version, and a symlink that says which one counts. A version is there whole or
/// not at all, and the symlink is replaced by rename: at every instant a start finds one whole version.
/// </summary>
/// <remarks>
/// <code>
/// /usr/local/lib/crisp/0.1.0-3fa9c1d20b7e/{crisp,crisp-sandbox}
/// /usr/local/lib/crisp/current  → 0.1.0-3fa9c1d20b7e
/// /usr/local/lib/crisp/previous → 0.1.0-a1b2c3d4e5f6
/// /usr/local/bin/crisp          → ../lib/crisp/current/crisp
/// </code>
/// </remarks>
public sealed class ProgramFiles(HostRoot host)
{
    public const string Directory = "/usr/local/lib/crisp";
    public const string Crisp = Directory + "/current/crisp";
    public const string CommandLink = "/usr/local/bin/crisp";
    private const string CommandTarget = "../lib/crisp/current/crisp";
    private const string Current = "current";
    private const string Previous = "previous";

    /// <summary>What every version has.</summary>
    public static IReadOnlyList<string> Programs { get; } = ["crisp", "crisp-sandbox"];

    /// <summary>The directory's name of the version that counts; null before the first installation.</summary>
    public string? CurrentName => Link(Current);

    /// <summary>That of the version before it.</summary>
    public string? PreviousName => Link(Previous);

    /// <summary>Where a program of a version lies.</summary>
    public static string PathOf(string name, string program) => $"{Directory}/{name}/{program}";

    /// <summary>Copies programs, unless they are there already.</summary>
    /// <returns>The directory's name.</returns>
    /// <exception cref="HostException">They cannot be copied, on a full disk for one: what was there is untouched, what was begun removed.</exception>
    public string Add(ProgramSource source)
    {
        var name = source.Name;
        var directory = host.Resolve($"{Directory}/{name}");
        if (System.IO.Directory.Exists(directory))
        {
            return name;
        }

        // Named so that Prune finds what a death left.
        var unfinished = $"{Directory}/.{name}.new";
        try
        {
            Delete(unfinished);
            foreach (var path in source.Paths)
            {
                host.CopyProgram(path, $"{unfinished}/{Path.GetFileName(path)}");
            }

            System.IO.Directory.Move(host.Resolve(unfinished), directory);
        }
        catch (Exception e) when (e is HostException or IOException or UnauthorizedAccessException)
        {
            Delete(unfinished);
            throw e as HostException ?? new HostException($"{name} cannot be installed below {Directory}: {e.Message}", e);
        }

        return name;
    }

    /// <summary>Makes a version the one that counts.</summary>
    /// <exception cref="HostException">A file that is not ours is in the way of the command's link.</exception>
    public void Select(string name)
    {
        CheckCommandLink();
        if (CurrentName is { } before && before != name)
        {
            Relink($"{Directory}/{Previous}", before);
        }

        Relink($"{Directory}/{Current}", name);
        Relink(CommandLink, CommandTarget);
    }

    /// <summary>Removes versions but the current one and the one before. Running pods do not need theirs: they run from memory.</summary>
    /// <exception cref="HostException">One cannot be removed.</exception>
    public void Prune() => HostRoot.OnHost($"Cannot remove earlier versions below {Directory}", () =>
    {
        var kept = new[] { Current, Previous, CurrentName, PreviousName };
        foreach (var entry in Entries().Where(e => !kept.Contains(e)))
        {
            var path = Path.Combine(host.Resolve(Directory), entry);
            if (System.IO.Directory.Exists(path))
            {
                System.IO.Directory.Delete(path, recursive: true);
            }
        }
    });

    /// <summary>Removes all that this class makes.</summary>
    /// <exception cref="HostException">Something of it cannot be removed.</exception>
    public void RemoveAll()
    {
        var link = new FileInfo(Path.Combine(host.Resolve(Path.GetDirectoryName(CommandLink)!), Path.GetFileName(CommandLink)));
        if (link.LinkTarget == CommandTarget)
        {
            HostRoot.OnHost($"Cannot remove {CommandLink}", link.Delete);
        }

        Delete(Directory);
    }

    private void CheckCommandLink()
    {
        var path = Path.Combine(host.Resolve(Path.GetDirectoryName(CommandLink)!), Path.GetFileName(CommandLink));
        var link = new FileInfo(path);
        if (link.Exists && link.LinkTarget is null)
        {
            throw new HostException($"{CommandLink} is a file of somebody else's, and would be replaced by a link. Move it away first.");
        }
    }

    private List<string> Entries()
    {
        var directory = host.Resolve(Directory);
        return System.IO.Directory.Exists(directory)
            ? System.IO.Directory.EnumerateFileSystemEntries(directory).Select(e => Path.GetFileName(e)).ToList()
            : [];
    }

    private string? Link(string name) => new FileInfo(Path.Combine(host.Resolve(Directory), name)).LinkTarget;

    private void Relink(string link, string target)
    {
        var directory = host.Resolve(Path.GetDirectoryName(link)!);
        var temporary = Path.Combine(directory, $".{Path.GetFileName(link)}.new");
        try
        {
            System.IO.Directory.CreateDirectory(directory);
            File.Delete(temporary);
            File.CreateSymbolicLink(temporary, target);

            // File.Move looks at what the link leads to, and refuses to move one that leads to a directory.
            Files.RenameAt2(FileDescriptor.CurrentDirectory, temporary, FileDescriptor.CurrentDirectory, Path.Combine(directory, Path.GetFileName(link)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            throw new HostException($"{link} cannot be made to lead to {target}: {e.Message}", e);
        }
    }

    private void Delete(string directory) => HostRoot.OnHost($"Cannot remove {directory}", () =>
    {
        var resolved = host.Resolve(directory);
        if (System.IO.Directory.Exists(resolved))
        {
            System.IO.Directory.Delete(resolved, recursive: true);
        }
    });
}
