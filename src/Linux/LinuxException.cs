using System.Runtime.InteropServices;

namespace Crisp.Linux;

/// <summary>A system call that failed: which one, with which error number, on what.</summary>
/// <remarks>The message reads <c>openat2 /a/b: ENOENT, no such file or directory</c>.</remarks>
public class LinuxException : Exception
{
    public LinuxException(string call, Errno errno, string? path = null)
        : this(call, errno, path, Describe(call, errno, path))
    {
    }

    private protected LinuxException(string call, Errno errno, string? path, string message)
        : base(message)
    {
        Call = call;
        Errno = errno;
        Path = path;
    }

    /// <summary>The name of the system call, for example <c>openat2</c>.</summary>
    public string Call { get; }

    public Errno Errno { get; }

    /// <summary>The path or name the call was about, or null when it had none.</summary>
    public string? Path { get; }

    private protected static string Describe(string call, Errno errno, string? path)
    {
        var subject = string.IsNullOrEmpty(path) ? call : $"{call} {path}";
        return $"{subject}: {errno.Describe()}";
    }
}

/// <summary>Words for error numbers.</summary>
public static class ErrnoText
{
    /// <summary>For example <c>ENOENT, no such file or directory</c>.</summary>
    public static string Describe(this Errno errno)
    {
        var text = Marshal.GetPInvokeErrorMessage((int)errno);
        return $"{errno}, {char.ToLowerInvariant(text[0])}{text[1..]}";
    }
}
