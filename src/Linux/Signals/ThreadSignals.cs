using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>Signals sent to one thread, and the calling thread's mask of those it does not take.</summary>
public static class ThreadSignals
{
    /// <summary>gettid(2).</summary>
    public static int CurrentThread => (int)Libc.gettid((int)SystemCall.gettid);

    /// <summary>Blocks more signals in the calling thread (pthread_sigmask(3), SIG_BLOCK).</summary>
    /// <returns>All that it blocks now: bit n − 1 stands for signal n.</returns>
    public static ulong Block(params ReadOnlySpan<int> signals)
    {
        const int SigBlock = 0;
        var set = Signals.Set(signals);
        sigset_t current;
        // SAFETY: both calls read or fill a set, and both sets live on this stack; the first eight bytes are the kernel's 64 signals.
        unsafe
        {
            Succeeded((Errno)Libc.pthread_sigmask(SigBlock, &set, null));
            Succeeded((Errno)Libc.pthread_sigmask(SigBlock, null, &current));
            return *(ulong*)&current;
        }
    }

    /// <summary>Lets signals through again (SIG_UNBLOCK); those that waited arrive at once.</summary>
    public static void Unblock(params ReadOnlySpan<int> signals)
    {
        const int SigUnblock = 1;
        var set = Signals.Set(signals);
        // SAFETY: the call reads the set, which lives on this stack.
        unsafe
        {
            Succeeded((Errno)Libc.pthread_sigmask(SigUnblock, &set, null));
        }
    }

    /// <summary>tgkill(2) of a thread of this process.</summary>
    /// <param name="thread">It must be alive: its number is given to others later.</param>
    public static void Send(int thread, int signal)
        => Check.Result((int)Libc.tgkill((int)SystemCall.tgkill, Environment.ProcessId, thread, signal), "tgkill", $"{thread}");

    /// <summary>Takes a blocked signal that waits for the calling thread, without waiting for one (sigtimedwait(2)).</summary>
    /// <returns>False when there is none.</returns>
    public static bool Take(int signal)
    {
        var set = Signals.Set([signal]);
        var now = default(timespec);
        int result;
        // SAFETY: the call reads the set and the time, which live on this stack, and takes null for what it need not tell.
        unsafe
        {
            result = Libc.sigtimedwait(&set, null, &now);
        }

        if (result == -1 && Check.LastError is not (Errno.EAGAIN or Errno.EINTR))
        {
            Check.Throw("sigtimedwait", $"{signal}");
        }

        return result > 0;
    }

    private static void Succeeded(Errno errno)
    {
        if (errno != Errno.None)
        {
            throw new LinuxException("pthread_sigmask", errno);
        }
    }
}
