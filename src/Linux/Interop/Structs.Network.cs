using System.Runtime.InteropServices;
using System.Text;

namespace Crisp.Linux.Interop;

// linux/if.h: struct ifreq with one member of its union, which has 24 bytes
[StructLayout(LayoutKind.Sequential, Size = 40)]
internal unsafe struct ifreq
{
    private const int IFNAMSIZ = 16;

    internal fixed byte ifr_name[IFNAMSIZ];
    internal short ifr_flags;

    internal ifreq(string name, short flags)
    {
        // SAFETY: the span is the field, whose last byte stays NUL.
        fixed (byte* start = ifr_name)
        {
            Encoding.ASCII.GetBytes(name, new Span<byte>(start, IFNAMSIZ - 1));
        }

        ifr_flags = flags;
    }
}
