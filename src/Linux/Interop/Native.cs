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

/// <summary>The interpreter: libcrisp_plan.so beside the program on CoreCLR, linked into the program by NativeAOT.</summary>
internal static unsafe partial class Native
{
    // long crisp_plan_launch(const struct launch *l, struct clone_args *args);
    [LibraryImport("crisp_plan")]
    internal static partial nint crisp_plan_launch(launch* l, clone_args* args);
}
