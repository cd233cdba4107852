using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Crisp.Linux.Interop;

internal static unsafe partial class Libc
{
    // int capget(cap_user_header_t hdrp, cap_user_data_t datap);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint capget(nint number, __user_cap_header_struct* hdrp, __user_cap_data_struct* datap);

    // int capset(cap_user_header_t hdrp, const cap_user_data_t datap);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint capset(nint number, __user_cap_header_struct* hdrp, __user_cap_data_struct* datap);

    // int seccomp(unsigned int operation, unsigned int flags, void *args);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint seccomp(nint number, uint operation, uint flags, void* args);

    // int close_range(unsigned int first, unsigned int last, unsigned int flags);
    [LibraryImport(Name, SetLastError = true, EntryPoint = "syscall")]
    internal static partial nint close_range(nint number, uint first, uint last, uint flags);

    // int chroot(const char *path);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int chroot([MarshalUsing(typeof(PathMarshaller))] string path);
}
