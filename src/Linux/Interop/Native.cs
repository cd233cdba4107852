using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

// native/plan.c: struct step
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct step
{
    internal ushort op;
    internal ushort number;
    internal ushort from;
    internal fixed ushort accepted[5];
    internal ulong unless;
    internal fixed long args[6];
}

// native/plan.c: struct launch
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct launch
{
    internal step* steps;
    internal long* results;
    internal int* keep;
    internal uint step_count;
    internal uint keep_count;
    internal int status;
    internal int go;
    internal long rseq_offset;
    internal uint rseq_length;
}

// linux/sched.h: struct clone_args
[StructLayout(LayoutKind.Sequential)]
internal struct clone_args
{
    internal const int CgroupOffset = 10 * sizeof(ulong);

    internal ulong flags;
    internal ulong pidfd;
    internal ulong child_tid;
    internal ulong parent_tid;
    internal ulong exit_signal;
    internal ulong stack;
    internal ulong stack_size;
    internal ulong tls;
    internal ulong set_tid;
    internal ulong set_tid_size;
    internal ulong cgroup;
}

/// <summary>Where glibc 2.35 and later keep each thread's area of rseq(2), as sys/rseq.h tells.</summary>
internal static class RseqArea
{
    static RseqArea()
    {
        // RSEQ_AREA_SIZE_INITIAL: what is registered when the kernel's own size is smaller.
        const uint InitialSize = 32;
        long offset;
        uint size;
        // SAFETY: crisp_plan_rseq writes both; the exports are extern const ptrdiff_t and extern const unsigned int.
        unsafe
        {
            if (Native.crisp_plan_rseq(&offset, &size) == 0)
            {
                var libc = NativeLibrary.Load("libc.so.6");
                if (NativeLibrary.TryGetExport(libc, "__rseq_offset", out var itsOffset) && NativeLibrary.TryGetExport(libc, "__rseq_size", out var itsSize))
                {
                    (offset, size) = (*(nint*)itsOffset, *(uint*)itsSize);
                }
            }
        }

        Offset = offset;
        Length = size == 0 ? 0 : Math.Max(size, InitialSize);
    }

    /// <summary>From the thread pointer.</summary>
    internal static long Offset { get; }

    /// <summary>0 when nothing is registered: an older glibc, or its tunable glibc.pthread.rseq=0.</summary>
    internal static uint Length { get; }
}

/// <summary>The interpreter: libcrisp_plan.so beside the program on CoreCLR, linked into the program by NativeAOT.</summary>
internal static unsafe partial class Native
{
    // long crisp_plan_launch(const struct launch *l, struct clone_args *args);
    [LibraryImport("crisp_plan")]
    internal static partial nint crisp_plan_launch(launch* l, clone_args* args);

    // int crisp_plan_rseq(int64_t *offset, uint32_t *size);
    [LibraryImport("crisp_plan")]
    internal static partial int crisp_plan_rseq(long* offset, uint* size);
}
