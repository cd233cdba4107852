using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

// linux/capability.h: struct __user_cap_header_struct
[StructLayout(LayoutKind.Sequential)]
internal struct __user_cap_header_struct
{
    internal uint version;
    internal int pid;
}

// linux/capability.h: struct __user_cap_data_struct
[StructLayout(LayoutKind.Sequential)]
internal struct __user_cap_data_struct
{
    internal uint effective;
    internal uint permitted;
    internal uint inheritable;
}

// linux/filter.h: struct sock_fprog
[StructLayout(LayoutKind.Sequential)]
internal struct sock_fprog
{
    internal ushort len;
    internal nint filter;
}
