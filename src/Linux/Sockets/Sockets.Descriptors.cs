using System.Runtime.InteropServices;
using Crisp.Linux.Interop;
using Tmds.Linux;

namespace Crisp.Linux;

public static partial class Sockets
{
    /// <summary>SCM_MAX_FD of the kernel is 253 descriptors in one message.</summary>
    public const int MaxDescriptors = 253;

    private const int ScmRights = 1;
    private const int HeaderSize = 16;

    /// <summary>sendmsg(2) with SCM_RIGHTS.</summary>
    /// <param name="data">At least one byte, since descriptors travel with data; all of it is sent in this call.</param>
    /// <param name="descriptors">At most <see cref="MaxDescriptors"/>; they stay open here.</param>
    public static void SendDescriptors(FileDescriptor socket, ReadOnlySpan<byte> data, ReadOnlySpan<FileDescriptor> descriptors)
    {
        const int MsgNosignal = 0x4000;
        ArgumentOutOfRangeException.ThrowIfZero(data.Length, nameof(data));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxDescriptors, nameof(descriptors));
        var control = new byte[Aligned(HeaderSize + (descriptors.Length * sizeof(int)))];
        BitConverter.TryWriteBytes(control, (long)(HeaderSize + (descriptors.Length * sizeof(int))));
        BitConverter.TryWriteBytes(control.AsSpan(8), SolSocket);
        BitConverter.TryWriteBytes(control.AsSpan(12), ScmRights);
        var numbers = MemoryMarshal.Cast<byte, int>(control.AsSpan(HeaderSize));
        for (var i = 0; i < descriptors.Length; i++)
        {
            numbers[i] = descriptors[i].Number;
        }

        nint sent;
        do
        {
            // SAFETY: both buffers are pinned for the call, and the lengths in the headers are theirs.
            unsafe
            {
                fixed (byte* bytes = data, rights = control)
                {
                    var vector = new iovec { iov_base = bytes, iov_len = data.Length };
                    var message = new msghdr { msg_iov = &vector, msg_iovlen = 1 };
                    if (!descriptors.IsEmpty)
                    {
                        message.msg_control = rights;
                        message.msg_controllen = control.Length;
                    }

                    sent = Libc.sendmsg(socket, &message, MsgNosignal);
                }
            }
        }
        while (sent == -1 && Check.LastError == Errno.EINTR);

        Check.Result(sent, "sendmsg", socket);
        foreach (var descriptor in descriptors)
        {
            GC.KeepAlive(descriptor);
        }

        if (sent < data.Length)
        {
            Files.WriteAll(socket, data[(int)sent..]);
        }
    }

    /// <summary>recvmsg(2) with SCM_RIGHTS; descriptors are close-on-exec.</summary>
    /// <param name="received">Descriptors that came are appended, in order. They are the caller's to close, even after an error.</param>
    /// <returns>Bytes; 0 is the end; -1 is nothing yet on a non-blocking socket.</returns>
    /// <exception cref="LinuxException">EMSGSIZE when the kernel dropped descriptors (MSG_CTRUNC: too many of them are open).</exception>
    public static int ReceiveDescriptors(FileDescriptor socket, Span<byte> data, ICollection<FileDescriptor> received)
    {
        const int MsgCmsgCloexec = 0x4000_0000;
        const int MsgCtrunc = 8;
        var control = new byte[Aligned(HeaderSize + (MaxDescriptors * sizeof(int)))];
        nint count;
        int flags;
        int controlLength;
        while (true)
        {
            // SAFETY: both buffers are pinned for the call, and the lengths in the headers are theirs.
            unsafe
            {
                fixed (byte* bytes = data, rights = control)
                {
                    var vector = new iovec { iov_base = bytes, iov_len = data.Length };
                    var message = new msghdr
                    {
                        msg_iov = &vector,
                        msg_iovlen = 1,
                        msg_control = rights,
                        msg_controllen = control.Length,
                    };
                    count = Libc.recvmsg(socket, &message, MsgCmsgCloexec);
                    flags = message.msg_flags;
                    controlLength = (int)message.msg_controllen;
                }
            }

            if (count != -1)
            {
                break;
            }

            if (Check.LastError == Errno.EAGAIN)
            {
                return -1;
            }

            if (Check.LastError != Errno.EINTR)
            {
                Check.Throw("recvmsg", socket);
            }
        }

        TakeDescriptors(control.AsSpan(0, controlLength), received);
        return (flags & MsgCtrunc) == 0 ? (int)count : throw new LinuxException("recvmsg", Errno.EMSGSIZE, "SCM_RIGHTS");
    }

    private static void TakeDescriptors(ReadOnlySpan<byte> control, ICollection<FileDescriptor> received)
    {
        while (control.Length >= HeaderSize)
        {
            var length = (int)BitConverter.ToInt64(control);
            if (BitConverter.ToInt32(control[8..]) == SolSocket && BitConverter.ToInt32(control[12..]) == ScmRights)
            {
                foreach (var number in MemoryMarshal.Cast<byte, int>(control[HeaderSize..length]))
                {
                    received.Add(new FileDescriptor(number));
                }
            }

            control = control[Math.Min(Aligned(length), control.Length)..];
        }
    }

    private static int Aligned(int length) => (length + 7) & ~7;
}
