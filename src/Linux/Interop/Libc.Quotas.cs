using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

internal static unsafe partial class Libc
{
    // long quotactl_fd(unsigned int fd, unsigned int cmd, qid_t id, void *addr);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint quotactl_fd(nint number, FileDescriptor fd, nuint cmd, nuint id, void* addr);
}
