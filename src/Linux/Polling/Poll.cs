using System.Diagnostics;
using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

/// <summary>poll(2) of one descriptor.</summary>
public static class Poll
{
    /// <summary>Waits until the descriptor has something to read, or its other end is gone.</summary>
    /// <param name="timeout">Null waits for ever.</param>
    /// <returns>False when the time is over.</returns>
    public static bool WaitReadable(FileDescriptor file, TimeSpan? timeout)
    {
        const short PollIn = 1;
        return Wait(file, PollIn, timeout);
    }

    /// <summary>Waits until the descriptor takes something, or its other end is gone.</summary>
    /// <param name="timeout">Null waits for ever.</param>
    /// <returns>False when the time is over.</returns>
    public static bool WaitWritable(FileDescriptor file, TimeSpan? timeout)
    {
        const short PollOut = 4;
        return Wait(file, PollOut, timeout);
    }

    private static bool Wait(FileDescriptor file, short events, TimeSpan? timeout)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var left = timeout is { } limit ? Math.Max(0, (int)Math.Ceiling((limit - clock.Elapsed).TotalMilliseconds)) : -1;
            var entry = new pollfd { fd = file.Number, events = events };
            int count;
            // SAFETY: one entry, which lives on this stack.
            unsafe
            {
                count = Libc.poll(&entry, 1, left);
            }

            if (count != -1 || Check.LastError != Errno.EINTR)
            {
                GC.KeepAlive(file);
                return Check.Result(count, "poll", file) > 0;
            }
        }
    }
}
