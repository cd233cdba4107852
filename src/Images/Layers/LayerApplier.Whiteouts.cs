using Crisp.Linux;

namespace Crisp.Images.Layers;

internal sealed partial class LayerApplier
{
    private const int MaxBroughtUp = 100_000;

    // Files of lower layers that a hard link brought up: they are in this layer's directory, but not of this layer.
    private readonly HashSet<string> _broughtUp = new(StringComparer.Ordinal);

    /// <summary>Whiteouts hide what is beneath, never what the same layer has, wherever in the archive they stand.</summary>
    private void Hide(LayerPath path, WhiteoutKind kind)
    {
        switch (kind)
        {
            case WhiteoutKind.Opaque when path.Parent.IsRoot:
                HideAll();
                break;
            case WhiteoutKind.Opaque when !IsNothingBeneath(path.Parent):
                InUpper(path.Parent, HideContent);
                break;
            case WhiteoutKind.File:
                HideFile(path.Parent, Whiteout.Target(path));
                break;
            default:
                break;
        }
    }

    private void HideFile(LayerPath parentPath, string name)
    {
        if (IsNothingBeneath(parentPath) || (tree.IsMerged && Files.TryStatusAt(Parent(parentPath), name, out _) is null))
        {
            return;
        }

        InUpper(parentPath, (directory, place) =>
        {
            var status = Files.TryStatusAt(directory, name, out _);
            if (status?.Type == FileType.Directory)
            {
                using var own = Files.OpenAt(directory, name, OpenFlags.Directory | OpenFlags.NoFollow);
                HideContent(own, $"{place}/{name}");
                return;
            }

            if (status is not null && _broughtUp.Remove($"{place}/{name}".TrimStart('/')))
            {
                Files.UnlinkAt(directory, name);
                status = null;
            }

            if (status is null)
            {
                Whiteout.Make(directory, name);
            }
        });
    }

    private bool IsNothingBeneath(LayerPath parentPath)
    {
        if (!tree.IsLowest)
        {
            return false;
        }

        // Above others the layer would hide something, so that it is not the same layer there.
        Parent(parentPath);
        LeaveParent();
        tree.Complete();
        return true;
    }

    private void HideAll()
    {
        LeaveParent();
        tree.HideAll();
        DropBroughtUp("");
        HidesAll = true;
    }

    private void HideContent(FileDescriptor directory, string place)
    {
        Whiteout.MakeOpaque(directory);
        DropBroughtUp($"{place}/".TrimStart('/'));
    }

    private void DropBroughtUp(string beginning)
    {
        foreach (var place in _broughtUp.Where(p => p.StartsWith(beginning, StringComparison.Ordinal)).ToList())
        {
            var path = new LayerPath(place);
            using var directory = tree.TryOpenUpper(path.Parent.Text);
            if (directory is not null && Files.TryStatusAt(directory, path.Name, out _) is not null)
            {
                Files.UnlinkAt(directory, path.Name);
            }

            _broughtUp.Remove(place);
        }
    }

    /// <summary>
    /// Runs an action on a directory of the layer itself and its place beneath the root. overlayfs must not watch meanwhile.
    /// </summary>
    private void InUpper(LayerPath path, Action<FileDescriptor, string> action)
    {
        var directory = Parent(path);
        if (!tree.IsMerged)
        {
            action(directory, path.Text);
            return;
        }

        // A change that changes nothing: overlayfs copies the directory up, with what it has in the layers beneath.
        Files.Fchmod(directory, Files.Status(directory).Permissions);
        var place = LayerTree.PathOf(directory);
        LeaveParent();
        tree.Unmount();
        using var own = tree.TryOpenUpper(place) ?? throw new InvalidOperationException($"The layer has no directory /{place}.");
        var modified = Files.Status(own).Modified;
        action(own, place);
        Files.Utimens(own, "", Timestamp.Omit, modified);
    }

    private void NoteBroughtUp(string place, string name)
    {
        if (!IsInUpper(place, name) && _broughtUp.Add($"{place}/{name}".TrimStart('/')) && _broughtUp.Count > MaxBroughtUp)
        {
            throw ImageException.Bad($"The layer has more than {MaxBroughtUp} hard links to files of layers beneath.");
        }
    }

    private bool IsInUpper(string place, string name)
    {
        using var directory = tree.TryOpenUpper(place);
        return directory is not null && Files.TryStatusAt(directory, name, out _) is not null;
    }
}
