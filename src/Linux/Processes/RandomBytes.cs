using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>The kernel's random bytes, without a library for cryptography in the process.</summary>
public static class RandomBytes
{
    /// <summary>getrandom(2).</summary>
    public static void Fill(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            nint count;
            // SAFETY: the span is pinned for the call, which writes at most its length.
            unsafe
            {
                fixed (byte* bytes = buffer)
                {
                    count = Libc.getrandom(bytes, buffer.Length, 0);
                }
            }

            if (count == -1 && Check.LastError == Errno.EINTR)
            {
                continue;
            }

            buffer = buffer[(int)Check.Result(count, "getrandom")..];
        }
    }
}
