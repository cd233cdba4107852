using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Crisp.Kvm.Devices.Virtio;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>A request and its reply, as they lie in a chain: a header and arguments to read, a header and results to write.</summary>
/// <remarks>
/// Arguments are copied before they are looked at, since the guest may change them meanwhile; data of files is not copied. There is one
/// object for each thread that handles requests, which uses it again and again.
/// </remarks>
internal sealed class FuseRequest(FileThread thread, MemoryMapping memory)
{
    /// <summary>Arguments besides data: an attribute's value has at most 64 KiB, its name 255 bytes.</summary>
    internal const int MostArguments = 66 * 1024;

    /// <summary>Results besides data.</summary>
    internal const int MostResults = 64 * 1024;

    /// <summary>Parts of guest memory that one read or write goes to: 256 pages, and what is cut by their edges.</summary>
    private const int MostParts = 260;

    private const int UsualLength = 4096;
    private readonly MemoryVector _vector = new(memory, MostParts);
    private byte[] _arguments = new byte[UsualLength];
    private byte[] _results = new byte[UsualLength];
    private byte[] _scratch = [];
    private DescriptorChain _chain = null!;
    private fuse_in_header _header;
    private int _length;
    private int _position;
    private int _resultLength;
    private int _dataLength;

    internal FuseOpcode Opcode => (FuseOpcode)_header.opcode;

    internal ulong NodeId => _header.nodeid;

    /// <summary>The thread that handles the request.</summary>
    internal FileThread Thread => thread;

    /// <summary>FORGET, BATCH_FORGET and INTERRUPT are not answered.</summary>
    internal bool HasReply => Opcode is not (FuseOpcode.FORGET or FuseOpcode.BATCH_FORGET or FuseOpcode.INTERRUPT);

    /// <summary>Reads the header and, but for data to write, the arguments.</summary>
    /// <returns>False when the arguments are more than any request has.</returns>
    /// <exception cref="VirtioException">There is no whole header, or no room for one of the reply.</exception>
    internal bool Load(DescriptorChain chain)
    {
        (_chain, _length, _position, _resultLength, _dataLength) = (chain, 0, 0, 0, 0);
        Span<byte> header = stackalloc byte[Unsafe.SizeOf<fuse_in_header>()];
        var isWhole = chain.Read(header) == header.Length;
        _header = MemoryMarshal.Read<fuse_in_header>(header);
        if (!isWhole || (HasReply && chain.WritableLeft < Unsafe.SizeOf<fuse_out_header>()))
        {
            throw new VirtioException("A FUSE request has no whole header, or no room for that of its reply.");
        }

        if (HasReply)
        {
            SkipReplyHeader();
        }

        if (_header.len != header.Length + chain.Readable || _header.total_extlen != 0)
        {
            return false;
        }

        var length = Opcode == FuseOpcode.WRITE ? Math.Min(chain.Readable, Unsafe.SizeOf<fuse_write_in>()) : chain.Readable;
        if (length > MostArguments)
        {
            return false;
        }

        Grow(ref _arguments, (int)length);
        _length = chain.Read(_arguments.AsSpan(0, (int)length));
        return true;
    }

    /// <summary>The next arguments, copied.</summary>
    internal bool TryRead<T>(out T arguments)
        where T : unmanaged
    {
        var isThere = MemoryMarshal.TryRead(Rest, out arguments);
        _position += isThere ? Unsafe.SizeOf<T>() : 0;
        return isThere;
    }

    /// <summary>The next string, with its NUL.</summary>
    internal bool TryReadString(out ReadOnlySpan<byte> text)
    {
        var length = Rest.IndexOf((byte)0) + 1;
        text = Rest[..length];
        _position += length;
        return length > 0;
    }

    /// <summary>The next string, with its NUL, if it is the name of a directory's entry: not empty, ".", "..", or a path.</summary>
    internal bool TryReadName(out ReadOnlySpan<byte> name) => TryReadString(out name) && IsName(name[..^1]);

    internal bool TryReadBytes(uint length, out ReadOnlySpan<byte> bytes)
    {
        var isThere = length <= Rest.Length;
        bytes = isThere ? Rest[..(int)length] : default;
        _position += bytes.Length;
        return isThere;
    }

    /// <summary>The data of a WRITE, where it lies in the guest's memory.</summary>
    /// <returns>False when it is not all there, or in too many parts.</returns>
    internal bool TryTakeInput(uint length, out MemoryVector data)
    {
        data = _vector;
        _vector.Clear();
        if (_chain.Readable != length)
        {
            return false;
        }

        while (_vector.Length < length)
        {
            var part = _chain.NextReadable((int)(length - _vector.Length));
            if (part.IsEmpty || !_vector.TryAdd(part))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Room for a READ's data in the guest's memory: as much as was asked for, or as the chain has in few enough parts.</summary>
    internal MemoryVector TakeOutput(uint length)
    {
        _vector.Clear();
        length = Math.Min(length, FuseServer.MostData);
        while (_vector.Length < length)
        {
            var part = _chain.NextWritable((int)(length - _vector.Length));
            if (part.IsEmpty || !_vector.TryAdd(part))
            {
                break;
            }
        }

        return _vector;
    }

    /// <summary>How much of <see cref="TakeOutput"/> the reply has.</summary>
    internal void ReplyData(int length) => _dataLength = length;

    internal Errno Reply<T>(in T results)
        where T : unmanaged
    {
        MemoryMarshal.Write(Room(Unsafe.SizeOf<T>()), results);
        _resultLength += Unsafe.SizeOf<T>();
        return Errno.None;
    }

    /// <summary>Room for results, of which <see cref="ReplyRoom"/> tells how much was used.</summary>
    internal Span<byte> Room(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MostResults);
        Grow(ref _results, _resultLength + length);
        return _results.AsSpan(_resultLength, length);
    }

    internal void ReplyRoom(int length) => _resultLength += length;

    /// <summary>Bytes to work with that are no part of the reply.</summary>
    internal Span<byte> Scratch(int length)
    {
        Grow(ref _scratch, length);
        return _scratch.AsSpan(0, length);
    }

    /// <summary>Writes the reply.</summary>
    /// <returns>Its length in bytes.</returns>
    internal uint Complete(Errno error)
    {
        if (!HasReply)
        {
            return 0;
        }

        if (error == Errno.None && _resultLength > _chain.WritableLeft)
        {
            error = Errno.EINVAL;
        }

        var length = Unsafe.SizeOf<fuse_out_header>();
        if (error == Errno.None)
        {
            _chain.Write(_results.AsSpan(0, _resultLength));
            length += _resultLength + _dataLength;
        }

        var header = new fuse_out_header { len = (uint)length, error = -(int)error, unique = _header.unique };
        _chain.WriteFirst(MemoryMarshal.AsBytes(new ReadOnlySpan<fuse_out_header>(in header)));
        return (uint)length;
    }

    /// <summary>Until it is disposed of, files are created in the name of the guest's process.</summary>
    internal Identity ActAsCaller(out Errno error)
    {
        error = Errno.None;
        if (_header is { uid: 0, gid: 0 })
        {
            return default;
        }

        if (!thread.TryActAs(_header.uid, _header.gid))
        {
            error = Errno.EPERM;
            return default;
        }

        return new Identity(thread);
    }

    private ReadOnlySpan<byte> Rest => _arguments.AsSpan(_position, _length - _position);

    private static bool IsName(ReadOnlySpan<byte> name)
        => !name.IsEmpty && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8) && !name.Contains((byte)'/');

    private static void Grow(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            Array.Resize(ref buffer, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length));
        }
    }

    private void SkipReplyHeader()
    {
        for (int left = Unsafe.SizeOf<fuse_out_header>(), taken; left > 0; left -= taken)
        {
            taken = _chain.NextWritable(left).Length;
        }
    }

    internal readonly struct Identity(FileThread? thread) : IDisposable
    {
        public void Dispose() => thread?.ActAsItself();
    }
}
