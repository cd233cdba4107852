using System.Runtime.CompilerServices;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>A request of ioctl(2) as asm-generic/ioctl.h composes its number: direction, size of the argument, type, number.</summary>
/// <param name="Name">The header's name, for errors.</param>
public readonly record struct IoctlRequest(string Name, uint Number)
{
    private const int SizeShift = 16;
    private const uint DirectionWrite = 1U << 30;
    private const uint DirectionRead = 2U << 30;

    /// <summary>The size of the argument in bytes that the number tells; 0 for a plain number.</summary>
    public int Size => (int)(Number >> SizeShift & 0x3FFF);

    /// <summary>_IO.</summary>
    public static IoctlRequest Plain(string name, byte type, byte number) => new(name, Compose(0, 0, type, number));

    /// <summary>_IOR: the kernel writes a T.</summary>
    public static IoctlRequest Read<T>(string name, byte type, byte number)
        where T : unmanaged => new(name, Compose(DirectionRead, Unsafe.SizeOf<T>(), type, number));

    /// <summary>_IOW: the kernel reads a T.</summary>
    public static IoctlRequest Write<T>(string name, byte type, byte number)
        where T : unmanaged => new(name, Compose(DirectionWrite, Unsafe.SizeOf<T>(), type, number));

    /// <summary>_IOWR.</summary>
    public static IoctlRequest ReadWrite<T>(string name, byte type, byte number)
        where T : unmanaged => new(name, Compose(DirectionRead | DirectionWrite, Unsafe.SizeOf<T>(), type, number));

    private static uint Compose(uint direction, int size, byte type, byte number) => direction | (uint)size << SizeShift | (uint)type << 8 | number;
}

/// <summary>ioctl(2) with arguments that cannot be shorter than the request's number says.</summary>
public static class Ioctl
{
    /// <summary>With a plain number.</summary>
    public static int Call(FileDescriptor file, IoctlRequest request, nint argument = 0)
        => TryCall(file, request, argument, out var errno) is var result and >= 0 ? result : throw new LinuxException("ioctl", errno, request.Name);

    /// <summary>With a plain number.</summary>
    /// <returns>-1 and the error number.</returns>
    public static int TryCall(FileDescriptor file, IoctlRequest request, nint argument, out Errno errno)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(request.Size, 0, request.Name);
        int result;
        // SAFETY: a request without a size takes a number, which the kernel does not dereference.
        unsafe
        {
            result = Libc.ioctl(file, request.Number, (void*)argument);
        }

        errno = result == -1 ? Check.LastError : Errno.None;
        return result;
    }

    /// <summary>With a structure, which the kernel reads, writes, or both.</summary>
    public static int Call<T>(FileDescriptor file, IoctlRequest request, ref T argument)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(request.Size, Unsafe.SizeOf<T>(), request.Name);
        // SAFETY: the structure is pinned for the call and has the size that the request's number tells the kernel.
        unsafe
        {
            fixed (T* pointer = &argument)
            {
                return Check.Result(Libc.ioctl(file, request.Number, pointer), "ioctl", request.Name);
            }
        }
    }

    /// <summary>With a header that says how many entries follow it.</summary>
    /// <param name="argument">The header's count must be that of the entries the buffer holds: the kernel goes by it.</param>
    /// <returns>-1 and the error number.</returns>
    public static int TryCall(FileDescriptor file, IoctlRequest request, Span<byte> argument, out Errno errno)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(argument.Length, request.Size, request.Name);
        int result;
        // SAFETY: the buffer is pinned for the call; its header, which the caller wrote, bounds what the kernel touches.
        unsafe
        {
            fixed (byte* bytes = argument)
            {
                result = Libc.ioctl(file, request.Number, bytes);
            }
        }

        errno = result == -1 ? Check.LastError : Errno.None;
        return result;
    }
}
