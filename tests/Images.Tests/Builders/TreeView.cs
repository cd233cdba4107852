using System.Security.Cryptography;
using Crisp.Linux;

namespace Crisp.Images.Tests.Builders;

/// <summary>Everything that a program can see of a tree, as lines that can be compared.</summary>
internal sealed class TreeView
{
    private readonly SortedDictionary<string, string> _lines = new(StringComparer.Ordinal);

    private TreeView()
    {
    }

    internal IReadOnlyDictionary<string, string> Lines => _lines;

    internal string this[string path] => _lines[path];

    internal bool Has(string path) => _lines.ContainsKey(path);

    /// <summary>An image as a container sees it: an overlay of its layers and a writable one.</summary>
    internal static TreeView Of(ImageRecord image)
    {
        using var directory = new TemporaryDirectory();
        var (upper, work) = (directory.MakeDirectory("upper"), directory.MakeDirectory("work"));
        using var mount = OverlayMount.Create(image.Layers, upper, work);
        var view = Of(mount);

        // A container's upper directory is made with these.
        view._lines["/"] = $"Directory {Convert.ToString(image.Root.Mode, 8)} {image.Root.Uid}:{image.Root.Gid}";
        return view;
    }

    internal static TreeView Of(string path)
    {
        using var top = Files.Open(path, OpenFlags.Directory);
        var view = Of(top);
        var status = Files.Status(top);
        view._lines["/"] = $"Directory {Convert.ToString(status.Permissions, 8)} {status.Uid}:{status.Gid}";
        return view;
    }

    private static TreeView Of(FileDescriptor top)
    {
        var view = new TreeView();
        view.Add(top, ".", "", []);
        return view;
    }

    private void Add(FileDescriptor top, string path, string shown, Dictionary<ulong, string> links)
    {
        using var directory = Files.OpenAt2(top, path, OpenFlags.Directory, ResolveFlags.Beneath | ResolveFlags.NoSymlinks);
        foreach (var name in Files.ReadDirectory(directory).Order(StringComparer.Ordinal))
        {
            if (Files.TryStatusAt(directory, name, out _) is not { } status)
            {
                // overlayfs lists a whiteout by name where no layer beneath has the directory, and finds nothing there.
                continue;
            }

            var child = $"{shown}/{name}";
            _lines[child] = Describe(directory, name, status, child, links);
            if (status.Type == FileType.Directory)
            {
                Add(top, $"{path}/{name}", child, links);
            }
        }
    }

    private static string Describe(FileDescriptor directory, string name, FileStatus status, string path, Dictionary<ulong, string> links)
    {
        var line = $"{status.Type} {Convert.ToString(status.Permissions, 8)} {status.Uid}:{status.Gid}";
        if (status.Links > 1 && status.Type != FileType.Directory && !links.TryAdd(status.Inode, path))
        {
            // The first name stands for the inode.
            line += $" is {links[status.Inode]}";
        }

        switch (status.Type)
        {
            case FileType.Regular:
                using (var file = Files.OpenAt(directory, name, OpenFlags.NoFollow))
                {
                    line += $" {status.Size} {Convert.ToHexStringLower(SHA256.HashData(Files.ReadToEnd(file, 1 << 28)))[..12]}{Xattrs(file)}";
                }

                break;
            case FileType.Directory:
                using (var file = Files.OpenAt(directory, name, OpenFlags.Directory | OpenFlags.NoFollow))
                {
                    line += Xattrs(file);
                }

                break;
            case FileType.Symlink:
                line = $"Symlink {status.Uid}:{status.Gid} -> {Files.ReadlinkAt(directory, name)}";
                break;
            default:
                line += $" {status.DeviceMajor}:{status.DeviceMinor}";
                break;
        }

        return $"{line} @{status.Modified.Seconds}";
    }

    private static string Xattrs(FileDescriptor file)
        => string.Concat(Files.ListXattrs(file).Where(n => !n.StartsWith("trusted.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(n => $" {n}={Convert.ToHexStringLower(Files.GetXattr(file, n)!)}"));
}
