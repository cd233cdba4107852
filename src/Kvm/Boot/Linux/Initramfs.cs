using System.Globalization;
using System.Text;

namespace Crisp.Kvm.Boot.Linux;

/// <summary>Writes an initramfs: a cpio archive of the format newc (Linux: Documentation/driver-api/early-userspace/buffer-format.rst), not compressed.</summary>
/// <remarks>All files belong to root, and all times are 0, so that the same content is the same archive.</remarks>
public sealed class Initramfs
{
    private const string End = "TRAILER!!!";
    private const uint DirectoryType = 0x4000;
    private const uint CharacterDeviceType = 0x2000;
    private const uint RegularType = 0x8000;
    private const uint SymlinkType = 0xA000;

    private readonly Stream _output;
    private int _inode;
    private bool _isFinished;

    /// <param name="output">Stays open.</param>
    public Initramfs(Stream output) => _output = output;

    /// <param name="path">Without a slash at its beginning; what it lies in must have been added before.</param>
    public void AddDirectory(string path, uint mode = 0x1ED) => Add(path, DirectoryType | mode, [], links: 2);

    public void AddFile(string path, ReadOnlySpan<byte> content, uint mode = 0x1A4) => Add(path, RegularType | mode, content);

    public void AddSymlink(string path, string target) => Add(path, SymlinkType | 0x1FF, Encoding.UTF8.GetBytes(target));

    public void AddCharacterDevice(string path, uint major, uint minor, uint mode = 0x180) => Add(path, CharacterDeviceType | mode, [], (major, minor));

    /// <summary>Writes the archive's end.</summary>
    public void Finish()
    {
        Write(End, 0, [], default, links: 1, inode: 0);
        _isFinished = true;
    }

    private void Add(string path, uint mode, ReadOnlySpan<byte> content, (uint Major, uint Minor) device = default, int links = 1)
    {
        ObjectDisposedException.ThrowIf(_isFinished, this);
        if (path.Length == 0 || path[0] == '/' || path == End || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"\"{path}\" cannot be a path in an initramfs.", nameof(path));
        }

        Write(path, mode, content, device, links, ++_inode);
    }

    private void Write(string path, uint mode, ReadOnlySpan<byte> content, (uint Major, uint Minor) device, int links, int inode)
    {
        byte[] name = [.. Encoding.UTF8.GetBytes(path), 0];
        // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check.
        long[] fields = [inode, mode, 0, 0, links, 0, content.Length, 0, 0, device.Major, device.Minor, name.Length, 0];
        byte[] header = [.. "070701"u8, .. fields.SelectMany(f => Encoding.ASCII.GetBytes(f.ToString("X8", CultureInfo.InvariantCulture))), .. name];
        _output.Write(header);
        Pad(header.Length);
        _output.Write(content);
        Pad(content.Length);
    }

    /// <summary>Names and contents end at multiples of 4.</summary>
    private void Pad(int length) => _output.Write(stackalloc byte[-length & 3]);
}
