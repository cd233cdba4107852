using Crisp.Linux.Interop;
using Microsoft.Win32.SafeHandles;

namespace Crisp.Linux;

/// <summary>An open file descriptor that closes itself. Every descriptor made in this library is close-on-exec.</summary>
public sealed class FileDescriptor : SafeHandleMinusOneIsInvalid
{
    // Linux numbers descriptors from 0, so only a pseudo descriptor such as AT_FDCWD is negative.
    private const int AtFdcwd = -100;

    /// <summary>For the marshaller, which fills it in.</summary>
    public FileDescriptor()
        : base(ownsHandle: true)
    {
    }

    /// <param name="number">An open descriptor.</param>
    /// <param name="ownsHandle">Whether disposing closes it.</param>
    public FileDescriptor(int number, bool ownsHandle = true)
        : base(ownsHandle)
    {
        SetHandle(number);
    }

    /// <summary>AT_FDCWD: a relative path starts at the working directory.</summary>
    public static FileDescriptor CurrentDirectory { get; } = new(AtFdcwd, ownsHandle: false);

    /// <summary>The number, valid only as long as this object is alive and not disposed.</summary>
    public int Number => (int)handle;

    /// <summary>/proc/self/fd/N, for the calls that know nothing but paths.</summary>
    public string ProcPath => $"/proc/self/fd/{Number}";

    /// <summary>A second descriptor of the same open file (fcntl(2), F_DUPFD_CLOEXEC).</summary>
    /// <param name="minimum">The lowest number it may get.</param>
    public FileDescriptor Duplicate(int minimum = 0)
    {
        const int FDupfdCloexec = 1030;
        var copy = Libc.fcntl(this, FDupfdCloexec, minimum);
        return new FileDescriptor(Check.Result(copy, "fcntl", this));
    }

    /// <summary>Gives the number away: disposing this object closes nothing any more.</summary>
    public int Detach()
    {
        var number = Number;
        SetHandleAsInvalid();
        return number;
    }

    public override string ToString() => $"fd {Number}";

    // Linux releases the number even when close(2) answers EINTR or EIO: to close again could hit somebody else's file.
    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
