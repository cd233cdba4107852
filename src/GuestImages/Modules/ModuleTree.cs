namespace Crisp.GuestImages.Modules;

/// <summary>The modules of one kernel, as depmod(8) describes them: a directory such as /lib/modules/6.12.0.</summary>
internal sealed class ModuleTree
{
    private const long LongestList = 16 << 20;
    private readonly string _directory;

    // By name: the path beneath the directory, and the names of all modules that it depends on, directly or not.
    private readonly Dictionary<string, (string Path, List<string> Dependencies)> _modules = [];
    private readonly HashSet<string> _builtin = [];

    private ModuleTree(string directory) => _directory = directory;

    /// <exception cref="GuestImageException">It is no such directory.</exception>
    internal static ModuleTree Open(string directory)
    {
        var tree = new ModuleTree(directory);
        foreach (var line in tree.Lines("modules.dep"))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                var dependencies = line[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(NameOf).ToList();
                tree._modules[NameOf(line[..colon])] = (line[..colon], dependencies);
            }
        }

        tree._builtin.UnionWith(tree.Lines("modules.builtin").Where(l => l.Length > 0).Select(NameOf));
        return tree;
    }

    /// <summary>A module's name: - and _ are the same, as for modprobe(8), and neither the folder nor .ko.xz belong to it.</summary>
    internal static string NameOf(string path)
    {
        var file = Path.GetFileName(path);
        var end = file.IndexOf(".ko", StringComparison.Ordinal);
        return (end < 0 ? file : file[..end]).Replace('-', '_');
    }

    /// <summary>The files of these modules and of all that they depend on, each after its dependencies. What is built in has none.</summary>
    /// <exception cref="GuestImageException">The kernel has no such module.</exception>
    internal IReadOnlyList<string> FilesInOrder(IEnumerable<string> names)
    {
        var files = new List<string>();
        var visited = new HashSet<string>();
        foreach (var name in names)
        {
            Visit(NameOf(name), neededBy: null);
        }

        return files;

        void Visit(string name, string? neededBy)
        {
            if (!visited.Add(name) || _builtin.Contains(name))
            {
                return;
            }

            if (!_modules.TryGetValue(name, out var module))
            {
                throw new GuestImageException(
                    $"The kernel has no module {name}{(neededBy is null ? "" : $", which {neededBy} depends on")}: it is neither in modules.dep nor in "
                    + $"modules.builtin of {_directory}. Take a kernel that has it (--kernel, --modules).");
            }

            // depmod writes those first that are to be loaded last.
            foreach (var dependency in Enumerable.Reverse(module.Dependencies))
            {
                Visit(dependency, name);
            }

            files.Add(Path.Combine(_directory, module.Path));
        }
    }

    private string[] Lines(string name)
    {
        var path = Path.Combine(_directory, name);
        return File.Exists(path)
            ? System.Text.Encoding.UTF8.GetString(HostFile.Read("list", path, LongestList)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            : throw new GuestImageException($"{_directory} is no directory of a kernel's modules: it has no {name}. Name such a directory (--modules), or run depmod.");
    }
}
