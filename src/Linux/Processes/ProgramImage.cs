using System.Runtime.InteropServices;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>The program that the calling process runs.</summary>
public static class ProgramImage
{
    /// <summary>execve(2): from here on the process runs another program. Every other thread ends; the calling one's signal mask stays.</summary>
    /// <param name="environment">NAME=VALUE.</param>
    /// <exception cref="LinuxException">It cannot be run; nothing has happened.</exception>
    public static void Replace(string path, IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        // SAFETY: both arrays end with a null pointer, as do their strings with NUL, and stay until they are freed below, which
        // is reached only when the call has failed.
        unsafe
        {
            var argv = Allocate(arguments);
            var envp = Allocate(environment);
            Libc.execve(path, argv, envp);
            var errno = Check.LastError;
            Free(argv);
            Free(envp);
            throw new LinuxException("execve", errno, path);
        }
    }

    /// <summary>close_range(2), CLOSE_RANGE_CLOEXEC: of the descriptors, whoever opened them, only the standard streams stay open beyond execve.</summary>
    public static void KeepStandardStreamsOnly()
    {
        const uint CloseRangeCloexec = 4;
        Check.Result(Libc.close_range((int)SystemCall.close_range, 3, uint.MaxValue, CloseRangeCloexec), "close_range", "CLOSE_RANGE_CLOEXEC");
    }

    private static unsafe byte** Allocate(IReadOnlyList<string> texts)
    {
        var array = (byte**)NativeMemory.AllocZeroed((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++)
        {
            var bytes = LinuxPath.Encode(texts[i]);
            array[i] = (byte*)NativeMemory.AllocZeroed((nuint)bytes.Length + 1);
            bytes.CopyTo(new Span<byte>(array[i], bytes.Length));
        }

        return array;
    }

    private static unsafe void Free(byte** array)
    {
        for (var text = array; *text is not null; text++)
        {
            NativeMemory.Free(*text);
        }

        NativeMemory.Free(array);
    }
}
