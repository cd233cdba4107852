using System.Runtime.InteropServices;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>eventfd(2), non-blocking: a counter that wakes a poller.</summary>
public sealed class EventFd : IDisposable
{
    public EventFd()
    {
        const int EfdCloexecNonblock = 0x8_0800;
        Descriptor = new FileDescriptor(Check.Result(Libc.eventfd(0, EfdCloexecNonblock), "eventfd"));
    }

    /// <summary>Readable when the counter is not 0.</summary>
    public FileDescriptor Descriptor { get; }

    /// <summary>Adds one. A full counter (EAGAIN) is readable already, so nothing is lost.</summary>
    public void Signal()
    {
        var one = 1UL;
        if (Files.TryWrite(Descriptor, MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in one)), out var errno) < 0 && errno != Errno.EAGAIN)
        {
            throw new LinuxException("write", errno, "eventfd");
        }
    }

    /// <summary>Sets the counter to 0.</summary>
    /// <returns>What it was.</returns>
    public ulong Drain()
    {
        var value = 0UL;
        if (Files.TryRead(Descriptor, MemoryMarshal.AsBytes(new Span<ulong>(ref value)), out var errno) < 0 && errno != Errno.EAGAIN)
        {
            throw new LinuxException("read", errno, "eventfd");
        }

        return value;
    }

    public void Dispose() => Descriptor.Dispose();
}
