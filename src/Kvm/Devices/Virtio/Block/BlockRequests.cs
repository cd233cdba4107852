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

    private readonly byte[] _id = new byte[IdSize];

    internal BlockRequests(string name) => Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, IdSize)), _id);

    /// <summary>Whether each write must be on the disk before it is answered.</summary>
    internal bool IsWriteThrough { get; set; }

    /// <param name="disk">Null for none: every transfer is an error.</param>
    /// <exception cref="VirtioException">The chain is no request: it has no room for a header and a status.</exception>
    internal void Handle(DescriptorChain chain, BlockDisk? disk)
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
            RequestType.GetId => GetId(chain),
            RequestType.In or RequestType.Out or RequestType.Flush when disk is null => IoError,
            RequestType.In => Transfer(chain, disk, sector, chain.WritableLeft - 1, isWrite: false),
            RequestType.Out => disk.IsReadOnly ? IoError : Transfer(chain, disk, sector, chain.Readable, isWrite: true),
            RequestType.Flush => Flush(disk.File),
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

    private byte Transfer(DescriptorChain chain, BlockDisk disk, ulong sector, long length, bool isWrite)
    {
        if (length % BlockDisk.SectorSize != 0 || sector > (ulong)disk.Sectors || length / BlockDisk.SectorSize > disk.Sectors - (long)sector)
        {
            return IoError;
        }

        var position = (long)sector * BlockDisk.SectorSize;
        try
        {
            for (int done; length > 0; length -= done, position += done)
            {
                done = isWrite
                    ? WriteAll(disk.File, chain.NextReadable((int)Math.Min(length, int.MaxValue)), position)
                    : ReadAll(disk.File, chain.NextWritable((int)Math.Min(length, int.MaxValue)), position);
            }

            return isWrite && IsWriteThrough ? Flush(disk.File) : Ok;
        }
        catch (LinuxException)
        {
            // The guest's own error to handle: its disk has failed.
            return IoError;
        }
    }

    private static int WriteAll(FileDescriptor file, ReadOnlySpan<byte> bytes, long position)
    {
        for (int done = 0, count; done < bytes.Length; done += count)
        {
            count = Files.WriteAt(file, bytes[done..], position + done);
        }

        return bytes.Length;
    }

    private static int ReadAll(FileDescriptor file, Span<byte> bytes, long position)
    {
        for (int done = 0, count; done < bytes.Length; done += count)
        {
            count = Files.ReadAt(file, bytes[done..], position + done);
            if (count == 0)
            {
                // Somebody has made the file shorter since.
                throw new LinuxException("pread", Errno.EIO, file.ToString());
            }
        }

        return bytes.Length;
    }

    private static byte Flush(FileDescriptor file)
    {
        try
        {
            Files.Fdatasync(file);
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
