using Crisp.Linux;

namespace Crisp.Images.Archives;

/// <summary>A header block of a tar archive: v7, POSIX ustar, GNU and star forms.</summary>
internal readonly ref struct TarHeader
{
    internal const int Length = 512;
    private const int ChecksumAt = 148;
    private const int ChecksumLength = 8;
    private readonly ReadOnlySpan<byte> _block;

    /// <exception cref="ImageException">The checksum is wrong: this is no header.</exception>
    internal TarHeader(ReadOnlySpan<byte> block)
    {
        _block = block;
        // Old programs summed signed characters.
        long unsigned = 0, signed = 0;
        for (var i = 0; i < Length; i++)
        {
            var value = i is >= ChecksumAt and < ChecksumAt + ChecksumLength ? (byte)' ' : block[i];
            unsigned += value;
            signed += (sbyte)value;
        }

        if (!TarNumber.TryParseOctal(block.Slice(ChecksumAt, ChecksumLength), out var sum) || (sum != unsigned && sum != signed))
        {
            throw ImageException.Bad("It is damaged, or no tar archive: a header has a wrong checksum.");
        }
    }

    internal char Type => (char)_block[156];

    internal long Mode => TarNumber.Parse(_block.Slice(100, 8), "mode");

    internal long Uid => TarNumber.Parse(_block.Slice(108, 8), "owner");

    internal long Gid => TarNumber.Parse(_block.Slice(116, 8), "group");

    internal long Size => TarNumber.Parse(_block.Slice(124, 12), "size");

    internal long Modified => TarNumber.Parse(_block.Slice(136, 12), "time");

    internal string Target => Text(157, 100);

    internal long DeviceMajor => IsUstar ? TarNumber.Parse(_block.Slice(329, 8), "device number") : 0;

    internal long DeviceMinor => IsUstar ? TarNumber.Parse(_block.Slice(337, 8), "device number") : 0;

    internal string Name
    {
        get
        {
            // GNU's form ("ustar  ") keeps times where POSIX has the prefix; star's shortens it.
            var isPosix = _block.Slice(257, 6).SequenceEqual("ustar\0"u8);
            var prefix = isPosix ? Text(345, _block[508..].SequenceEqual("tar\0"u8) ? 131 : 155) : "";
            return prefix.Length == 0 ? Text(0, 100) : $"{prefix}/{Text(0, 100)}";
        }
    }

    private bool IsUstar => _block.Slice(257, 5).SequenceEqual("ustar"u8);

    private string Text(int start, int length)
    {
        var field = _block.Slice(start, length);
        var end = field.IndexOf((byte)0);
        return LinuxPath.Decode(end < 0 ? field : field[..end]);
    }
}
