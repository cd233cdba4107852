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

    [DoesNotReturn]
    internal static void Throw(string call, string? path = null) => throw new LinuxException(call, LastError, path);
}
