using Crisp.Linux;

namespace Crisp.Images.Archives;

/// <summary>
/// Reads a tar archive from beginning to end. System.Formats.Tar's reader is not used: it turns the values of PAX records
/// into text, which destroys security.capability, and reads headers of any length into memory.
/// </summary>
/// <param name="stream">Seekable or not; not disposed.</param>
internal sealed class TarReader(Stream stream, TarLimits limits)
{
    private const int BufferLength = 64 * 1024;
    private readonly byte[] _buffer = new byte[BufferLength];
    private int _start;
    private int _end;
    private long _consumed;
    private long _data;
    private long _padding;
    private int _headers;

    /// <summary>Where the current entry's unread data lies in the archive.</summary>
    internal long Position => _consumed;

    /// <summary>The next entry, or null at the archive's end. Data of the entry before that was not read is skipped.</summary>
    /// <exception cref="ImageException">The archive is damaged, truncated, beyond the limits, or has what this store does not take.</exception>
    internal TarEntry? Next()
    {
        var pax = new PaxRecords();
        string? longName = null, longTarget = null;
        while (NextHeader() is { } header)
        {
            switch (header.Type)
            {
                case 'x':
                    pax.Add(Special(header.Size));
                    break;
                case 'g':
                    // Defaults for all that follows. No container runtime heeds them, so that images do not rely on them.
                    Skip(header.Size + Padding(header.Size));
                    break;
                case 'L':
                    longName = LongName(header.Size);
                    break;
                case 'K':
                    longTarget = LongName(header.Size);
                    break;
                default:
                    return Entry(header.Block, pax, longName, longTarget);
            }
        }

        return null;
    }

    /// <summary>The next part of the current entry's data, valid until the next call; empty at its end.</summary>
    internal ReadOnlySpan<byte> ReadData()
    {
        if (_data == 0)
        {
            return [];
        }

        if (_start == _end && !Fill())
        {
            throw Truncated();
        }

        var length = (int)Math.Min(_data, _end - _start);
        var part = _buffer.AsSpan(_start, length);
        Consume(length);
        _data -= length;
        return part;
    }

    private sealed record Header(char Type, long Size, byte[] Block);

    private Header? NextHeader()
    {
        Skip(_data);
        SkipPadding();
        _data = 0;
        if (!FillBlock())
        {
            // Some programs leave out the end marker. Whether something is missing is for the digests to say.
            return null;
        }

        if (IsZero())
        {
            Consume(TarHeader.Length);
            if (FillBlock() && !IsZero())
            {
                throw ImageException.Bad("The archive goes on after half of its end marker.");
            }

            return null;
        }

        if (++_headers > limits.Entries)
        {
            throw ImageException.Bad($"The archive has more than {limits.Entries} entries.");
        }

        var block = _buffer.AsSpan(_start, TarHeader.Length).ToArray();
        Consume(TarHeader.Length);
        var header = new TarHeader(block);
        return new Header(header.Type, Size(header.Size), block);
    }

    private TarEntry Entry(byte[] block, PaxRecords pax, string? longName, string? longTarget)
    {
        var header = new TarHeader(block);
        var name = pax.Path ?? longName ?? header.Name;
        if (pax.IsSparse || header.Type == 'S')
        {
            throw ImageException.Unsupported($"\"{name}\" is a sparse file in GNU tar's form. Build the image with a tool that writes files in full.");
        }

        var kind = Kind(header.Type, name);
        var size = kind == TarEntryKind.File ? Size(pax.Size ?? header.Size) : 0;
        var isDevice = kind is TarEntryKind.CharacterDevice or TarEntryKind.BlockDevice;
        _data = size;
        _padding = Padding(size);
        return new TarEntry
        {
            Name = name,
            Kind = kind,
            Mode = (uint)(header.Mode & 0xFFF),
            Uid = Id(pax.Uid ?? header.Uid, name),
            Gid = Id(pax.Gid ?? header.Gid, name),
            Size = size,
            Modified = pax.Modified ?? new Timestamp(header.Modified, 0),
            Target = kind is TarEntryKind.HardLink or TarEntryKind.Symlink ? pax.Target ?? longTarget ?? header.Target : "",
            DeviceMajor = isDevice ? Device(header.DeviceMajor, name) : 0,
            DeviceMinor = isDevice ? Device(header.DeviceMinor, name) : 0,
            Xattrs = pax.Xattrs,
        };
    }

    private static TarEntryKind Kind(char type, string name) => type switch
    {
        // The first tar had no type for directories.
        '0' or '\0' or '7' => name.EndsWith('/') ? TarEntryKind.Directory : TarEntryKind.File,
        '1' => TarEntryKind.HardLink,
        '2' => TarEntryKind.Symlink,
        '3' => TarEntryKind.CharacterDevice,
        '4' => TarEntryKind.BlockDevice,
        '5' => TarEntryKind.Directory,
        '6' => TarEntryKind.Fifo,
        _ => throw ImageException.Unsupported($"\"{name}\" is a tar entry of type 0x{(int)type:X2}, which is not for images."),
    };

    private long Size(long size) => size >= 0 && size <= limits.Bytes
        ? size
        : throw ImageException.Bad($"The archive has an entry of {size} bytes; at most {limits.Bytes} are read.");

    // 2^32 - 1 is chown(2)'s "leave it as it is".
    private static uint Id(long id, string name)
        => id is >= 0 and < uint.MaxValue ? (uint)id : throw ImageException.Bad($"\"{name}\" belongs to {id}, which is no user or group id.");

    private static uint Device(long number, string name)
        => number is >= 0 and <= 0xFFFFF ? (uint)number : throw ImageException.Bad($"\"{name}\" has a device number that does not exist.");

    private byte[] Special(long size)
    {
        if (size > limits.Header)
        {
            throw ImageException.Bad($"The archive has a header of {size} bytes; at most {limits.Header} are read.");
        }

        var content = new byte[size];
        for (var at = 0; at < content.Length;)
        {
            if (_start == _end && !Fill())
            {
                throw Truncated();
            }

            var length = Math.Min(content.Length - at, _end - _start);
            _buffer.AsSpan(_start, length).CopyTo(content.AsSpan(at));
            Consume(length);
            at += length;
        }

        Skip(Padding(size));
        return content;
    }

    private string LongName(long size)
    {
        ReadOnlySpan<byte> name = Special(size);
        var end = name.IndexOf((byte)0);
        return LinuxPath.Decode(end < 0 ? name : name[..end]);
    }

    private static long Padding(long size) => -size & (TarHeader.Length - 1);

    private void Skip(long count)
    {
        count -= ConsumeBuffered(count);
        if (count > 0 && stream.CanSeek)
        {
            if (count > stream.Length - stream.Position)
            {
                throw Truncated();
            }

            stream.Seek(count, SeekOrigin.Current);
            _consumed += count;
            return;
        }

        while (count > 0)
        {
            if (!Fill())
            {
                throw Truncated();
            }

            count -= ConsumeBuffered(count);
        }
    }

    // The last entry's padding is missing where a program cut the archive short: no harm.
    private void SkipPadding()
    {
        while (_padding > 0 && (_start < _end || Fill()))
        {
            _padding -= ConsumeBuffered(_padding);
        }

        _padding = 0;
    }

    private int ConsumeBuffered(long count)
    {
        var length = (int)Math.Min(count, _end - _start);
        Consume(length);
        return length;
    }

    private bool IsZero() => !_buffer.AsSpan(_start, TarHeader.Length).ContainsAnyExcept((byte)0);

    private bool FillBlock()
    {
        while (_end - _start < TarHeader.Length)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
            var count = stream.Read(_buffer, _end, BufferLength - _end);
            if (count == 0)
            {
                return _end == 0 ? false
                    : throw (_consumed == 0 ? ImageException.Bad("It is shorter than a header, and so no tar archive.") : Truncated());
            }

            _end += count;
        }

        return true;
    }

    private bool Fill()
    {
        (_start, _end) = (0, stream.Read(_buffer, 0, BufferLength));
        return _end > 0;
    }

    private void Consume(int length)
    {
        _start += length;
        _consumed += length;
    }

    private static ImageException Truncated() => ImageException.Bad("The archive ends within an entry: it is truncated.");
}
