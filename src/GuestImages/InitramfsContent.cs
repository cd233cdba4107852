using System.Text;
using Crisp.GuestImages.Modules;
using Crisp.GuestImages.Programs;
using Crisp.Kvm.Boot.Linux;

namespace Crisp.GuestImages;

/// <summary>What goes into the initramfs of a guest image, and in which order: always the same for the same files.</summary>
internal sealed class InitramfsContent
{
    private const uint Executable = 0x1ED; // 0755
    private const uint Readable = 0x1A4; // 0644

    // Where init mounts, and what programs expect to be there.
    private static readonly string[] s_directories = ["/dev", "/proc", "/run", "/sys", "/tmp"];
    private readonly SortedDictionary<string, GuestFile> _files = new(StringComparer.Ordinal);

    /// <summary>The guest's paths in the order in which they are loaded.</summary>
    internal IReadOnlyList<string> ModulePaths { get; private set; } = [];

    /// <exception cref="GuestImageException">The path is no absolute one, or something else is there already.</exception>
    internal void Add(GuestFile file)
    {
        var parts = file.Path.Split('/')[1..];
        if (file.Path is not ['/', ..] || file.Path.Contains('\0', StringComparison.Ordinal) || parts.Any(p => p is "" or "." or ".."))
        {
            throw new GuestImageException($"{file.Path} is no path of a file in a guest: give an absolute one, without . and ..");
        }

        if (!_files.TryAdd(file.Path, file) && !_files[file.Path].Content.Span.SequenceEqual(file.Content.Span))
        {
            throw new GuestImageException($"Two different files are to become {file.Path} in the guest.");
        }
    }

    internal void AddModules(IReadOnlyList<ModuleFile> modules)
    {
        foreach (var module in modules)
        {
            Add(new GuestFile($"{GuestFiles.Modules}/{module.FileName}", module.Content, IsExecutable: false));
        }

        ModulePaths = [.. modules.Select(m => $"{GuestFiles.Modules}/{m.FileName}")];
        Add(new GuestFile(GuestFiles.ModuleOrder, Encoding.UTF8.GetBytes(string.Concat(ModulePaths.Select(p => p + "\n"))), IsExecutable: false));
    }

    /// <summary>The archive.</summary>
    internal byte[] Write()
    {
        using var output = new MemoryStream();
        var archive = new Initramfs(output);
        foreach (var directory in Directories())
        {
            archive.AddDirectory(directory[1..]);
        }

        // The kernel opens it for process 1 before anything is mounted.
        archive.AddCharacterDevice("dev/console", 5, 1);
        foreach (var file in _files.Values)
        {
            archive.AddFile(file.Path[1..], file.Content.Span, file.IsExecutable ? Executable : Readable);
        }

        archive.Finish();
        return output.ToArray();
    }

    /// <summary>Those of all files, each after the one that it lies in.</summary>
    private SortedSet<string> Directories()
    {
        var directories = new SortedSet<string>(s_directories, StringComparer.Ordinal);
        foreach (var path in _files.Keys)
        {
            for (var end = path.LastIndexOf('/'); end > 0; end = path.LastIndexOf('/', end - 1))
            {
                directories.Add(path[..end]);
            }
        }

        return directories.FirstOrDefault(_files.ContainsKey) is { } both
            ? throw new GuestImageException($"{both} cannot be a file and a directory in the guest.")
            : directories;
    }
}
