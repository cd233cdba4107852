using System.Security.Cryptography;
using System.Text;

namespace Crisp.Images.Tests.Layers;

/// <summary>What an archive's entries mean, as a tree in memory: the plainest reading of the image specification.</summary>
internal sealed class ModelTree
{
    private const int MaxLinks = 40;
    private readonly Node _root = new("Directory", "755");
    private int _layer;

    /// <summary>Thrown where the archive must be refused.</summary>
    internal sealed class RefusedException : Exception;

    internal void BeginLayer() => _layer++;

    internal void Apply(ModelEntry entry)
    {
        var parts = entry.Path.Split('/');
        if (entry.Kind == ModelKind.Opaque)
        {
            HideChildren(Resolve(parts));
            return;
        }

        var parent = Resolve(parts[..^1]);
        var name = parts[^1];
        switch (entry.Kind)
        {
            case ModelKind.Whiteout:
                Hide(parent, name);
                break;
            case ModelKind.Directory:
                var directory = parent.Children.GetValueOrDefault(name) is { Type: "Directory" } there ? there : new Node("Directory", "");
                directory.Detail = Convert.ToString(entry.Mode, 8);
                directory.Layer = _layer;
                parent.Children[name] = directory;
                break;
            case ModelKind.HardLink:
                Link(parent, name, entry);
                break;
            case ModelKind.Symlink:
                parent.Children[name] = new Node("Symlink", $"-> {entry.Target}") { Layer = _layer, Target = entry.Target };
                break;
            default:
                var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(entry.Content)))[..12];
                parent.Children[name] = new Node("Regular", $"{Convert.ToString(entry.Mode, 8)} {hash}") { Layer = _layer };
                break;
        }
    }

    internal SortedDictionary<string, string> Lines()
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add(_root, "");
        return lines;

        void Add(Node directory, string path)
        {
            foreach (var (name, child) in directory.Children)
            {
                lines[$"{path}/{name}"] = $"{child.Type} {child.Detail}";
                Add(child, $"{path}/{name}");
            }
        }
    }

    private void Link(Node parent, string name, ModelEntry entry)
    {
        var parts = entry.Target.Split('/');
        var holder = Find(parts[..^1], create: false) ?? throw new RefusedException();
        if (holder.Children.GetValueOrDefault(parts[^1]) is not { } target || target.Type == "Directory")
        {
            throw new RefusedException();
        }

        // A link into a directory beneath brings it up: from then on it is this layer's too.
        Find(parts[..^1], create: true);
        if (parent.Children.GetValueOrDefault(name) == target)
        {
            return;
        }

        var replaced = parent.Children.GetValueOrDefault(name);
        parent.Children[name] = new Node(target.Type, target.Detail) { Layer = _layer, Target = target.Target };
        if (replaced?.Type == "Directory" && Find(parts[..^1], create: false)?.Children.ContainsKey(parts[^1]) != true)
        {
            throw new RefusedException();
        }

        // Two names of one file; the other keeps belonging to the layer it came from.
        parent.Children[name] = target.Layer == _layer ? target : parent.Children[name];
    }

    private void Hide(Node parent, string name)
    {
        if (parent.Children.GetValueOrDefault(name) is not { } child)
        {
            return;
        }

        if (child.Layer != _layer)
        {
            parent.Children.Remove(name);
        }
        else
        {
            HideChildren(child);
        }
    }

    private void HideChildren(Node directory)
    {
        foreach (var name in directory.Children.Keys.ToList())
        {
            Hide(directory, name);
        }
    }

    private Node Resolve(string[] parts) => Find(parts, create: true) ?? throw new RefusedException();

    /// <param name="create">Makes what is missing, and marks what is on the way as the layer's.</param>
    private Node? Find(string[] parts, bool create)
    {
        var links = 0;
        var pending = new Stack<string>(parts.Where(p => p.Length > 0).Reverse());
        var current = new List<Node> { _root };
        while (pending.TryPop(out var part))
        {
            var child = current[^1].Children.GetValueOrDefault(part);
            switch (child?.Type)
            {
                case null when !create:
                    return null;
                case null:
                    child = current[^1].Children[part] = new Node("Directory", "755");
                    current.Add(child);
                    break;
                case "Directory":
                    current.Add(child);
                    break;
                case "Symlink":
                    if (++links > MaxLinks)
                    {
                        throw new RefusedException();
                    }

                    current = child.Target!.StartsWith('/') ? [_root] : current;
                    foreach (var next in child.Target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                    {
                        pending.Push(next);
                    }

                    break;
                default:
                    throw new RefusedException();
            }
        }

        if (create)
        {
            current.ForEach(node => node.Layer = _layer);
        }

        return current[^1];
    }

    private sealed class Node(string type, string detail)
    {
        internal string Type { get; } = type;

        internal string Detail { get; set; } = detail;

        internal int Layer { get; set; }

        internal string? Target { get; init; }

        internal Dictionary<string, Node> Children { get; } = new(StringComparer.Ordinal);
    }
}

internal enum ModelKind
{
    File,
    Directory,
    Symlink,
    HardLink,
    Whiteout,
    Opaque,
}

/// <summary>An entry of a random archive.</summary>
internal sealed record ModelEntry(ModelKind Kind, string Path, uint Mode, string Target, string Content);
