using System.Buffers.Binary;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>signalfd(2), non-blocking: signals arrive as bytes, where no handler runs in the middle of something else.</summary>
/// <remarks>
/// Takes only what every thread of the process blocks: a signal goes to any thread that does not. Threads inherit their mask,
/// the first one from execve, so the program that starts this one blocks them (PlanBuilder.SignalsBlock).
/// </remarks>
public sealed class SignalFd : IDisposable
{
    /// <param name="signals">Numbers; they are blocked in the calling thread.</param>
    public SignalFd(params ReadOnlySpan<int> signals)
    {
        const int SfdCloexecNonblock = 0x8_0800;
        const int SigBlock = 0;
        var set = Signals.Set(signals);
        // SAFETY: both calls read the set, which lives on this stack.
        unsafe
        {
            var errno = (Errno)Libc.pthread_sigmask(SigBlock, &set, null);
            if (errno != Errno.None)
            {
                throw new LinuxException("pthread_sigmask", errno);
            }

            Descriptor = new FileDescriptor(Check.Result(Libc.signalfd(-1, &set, SfdCloexecNonblock), "signalfd"));
        }
    }

    /// <summary>Readable when a signal is pending.</summary>
    public FileDescriptor Descriptor { get; }

    /// <summary>Takes one pending signal.</summary>
    /// <returns>Its number, or 0 when none is pending.</returns>
    public int Take()
    {
        // struct signalfd_siginfo has 128 bytes and begins with ssi_signo.
        Span<byte> info = stackalloc byte[128];
        var count = Files.TryRead(Descriptor, info, out var errno);
        return count == info.Length ? BinaryPrimitives.ReadInt32LittleEndian(info)
            : errno == Errno.EAGAIN ? 0
            : throw new LinuxException("read", errno, "signalfd");
    }

    public void Dispose() => Descriptor.Dispose();
}
