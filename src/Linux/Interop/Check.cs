using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

/// <summary>Turns -1 into an exception that says which call failed on what.</summary>
internal static class Check
{
    internal static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

    internal static int Result(int result, string call, string? path = null)
    {
        if (result == -1)
        {
            Throw(call, path);
        }

        return result;
    }

    internal static nint Result(nint result, string call, string? path = null)
    {
        if (result == -1)
        {
            Throw(call, path);
        }

        return result;
    }

    internal static FileDescriptor Result(FileDescriptor result, string call, string? path = null)
    {
        if (result.IsInvalid)
        {
            Throw(call, path);
        }

        return result;
    }

    internal static int Result(int result, string call, FileDescriptor file)
    {
        if (result == -1)
        {
            Throw(call, file);
        }

        return result;
    }

    /// <summary>For calls to which an empty path means the descriptor itself.</summary>
    internal static nint Result(nint result, string call, FileDescriptor directory, string path)
        => path.Length == 0 ? Result(result, call, directory) : Result(result, call, path);

    internal static nint Result(nint result, string call, FileDescriptor file)
    {
        if (result == -1)
        {
            Throw(call, file);
        }

        return result;
    }

    [DoesNotReturn]
    internal static void Throw(string call, string? path = null) => throw new LinuxException(call, LastError, path);

    [DoesNotReturn]
    internal static void Throw(string call, FileDescriptor file) => throw Error(call, LastError, file);

    /// <summary>The errno is taken before <see cref="Files.NameOf"/> makes another call.</summary>
    internal static LinuxException Error(string call, Errno errno, FileDescriptor file) => new(call, errno, Files.NameOf(file));
}
