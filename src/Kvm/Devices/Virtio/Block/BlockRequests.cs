using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Block;

/// <summary>Requests to a disk: a header, data, and one byte for the status (virtio 1.2, 5.2.6).</summary>
internal sealed class BlockRequests
{
    private const int HeaderSize = 16;
    private const int IdSize = 20;
    private const byte Ok = 0;
    private const byte IoError = 1;
    private const byte Unsupported = 2;

    private readonly FileDescriptor _file;
    private readonly long _sectors;
    private readonly bool _isReadOnly;
    private readonly byte[] _id = new byte[IdSize];

    internal BlockRequests(FileDescriptor file, long sectors, bool isReadOnly, string name)
    {
        (_file, _sectors, _isReadOnly) = (file, sectors, isReadOnly);
        Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, IdSize)), _id);
    }

    /// <summary>Whether each write must be on the disk before it is answered.</summary>
    internal bool IsWriteThrough { get; set; }

    /// <exception cref="VirtioException">The chain is no request: it has no room for a header and a status.</exception>
    internal void Handle(DescriptorChain chain)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (chain.Read(header) < HeaderSize || chain.WritableLeft < 1)
        {
            throw new VirtioException("A block request has no whole header, or no room for its status.");
        }

        var type = (RequestType)BinaryPrimitives.ReadUInt32LittleEndian(header);
        var sector = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        var status = type switch
        {
            RequestType.In => Transfer(chain, sector, chain.WritableLeft - 1, isWrite: false),
            RequestType.Out => _isReadOnly ? IoError : Transfer(chain, sector, chain.Readable, isWrite: true),
            RequestType.Flush => Flush(),
            RequestType.GetId => GetId(chain),
            _ => Unsupported,
        };
        WriteStatus(chain, status);
    }

    private static void WriteStatus(DescriptorChain chain, byte status)
    {
        // It is the last byte, wherever a request that failed half-way has come to.
        while (chain.WritableLeft > 1)
        {
            chain.NextWritable((int)Math.Min(chain.WritableLeft - 1, int.MaxValue));
        }

        chain.Write([status]);
    }

    private byte Transfer(DescriptorChain chain, ulong sector, long length, bool isWrite)
    {
        if (length % VirtioBlock.SectorSize != 0 || sector > (ulong)_sectors || length / VirtioBlock.SectorSize > _sectors - (long)sector)
        {
            return IoError;
        }

        var position = (long)sector * VirtioBlock.SectorSize;
        try
        {
            for (int done; length > 0; length -= done, position += done)
            {
                done = isWrite
                    ? WriteAll(chain.NextReadable((int)Math.Min(length, int.MaxValue)), position)
                    : ReadAll(chain.NextWritable((int)Math.Min(length, int.MaxValue)), position);
            }

            return isWrite && IsWriteThrough ? Flush() : Ok;
        }
        catch (LinuxException)
        {
            // The guest's own error to handle: its disk has failed.
            return IoError;
        }
    }

    private int WriteAll(ReadOnlySpan<byte> bytes, long position)
    {
        for (int done = 0, count; done < bytes.Length; done += count)
        {
            count = Files.WriteAt(_file, bytes[done..], position + done);
        }

        return bytes.Length;
    }

    private int ReadAll(Span<byte> bytes, long position)
    {
        for (int done = 0, count; done < bytes.Length; done += count)
        {
            count = Files.ReadAt(_file, bytes[done..], position + done);
            if (count == 0)
            {
                // Somebody has made the file shorter since.
                throw new LinuxException("pread", Errno.EIO, _file.ToString());
            }
        }

        return bytes.Length;
    }

    private byte Flush()
    {
        try
        {
            Files.Fdatasync(_file);
            return Ok;
        }
        catch (LinuxException)
        {
            return IoError;
        }
    }

    private byte GetId(DescriptorChain chain)
    {
        chain.Write(_id.AsSpan(0, (int)Math.Min(IdSize, chain.WritableLeft - 1)));
        return Ok;
    }

    private enum RequestType : uint
    {
        In = 0,
        Out = 1,
        Flush = 4,
        GetId = 8,
    }
}
