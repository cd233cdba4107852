using System.Runtime.InteropServices;
using Crisp.Kvm.Interop;
using Crisp.Linux;

namespace Crisp.Kvm.Api;

/// <summary>A virtual processor's descriptor, and the page that it shares with the kernel.</summary>
/// <remarks>Only the thread that runs it calls anything but <see cref="RequestExit"/>.</remarks>
internal sealed class KvmVcpu(FileDescriptor descriptor, MemoryMapping page) : IDisposable
{
    /// <summary>What the kernel says about the last exit. The guest cannot write to it.</summary>
    public ref kvm_run Exit => ref MemoryMarshal.AsRef<kvm_run>(page.Slice(0, System.Runtime.CompilerServices.Unsafe.SizeOf<kvm_run>()));

    /// <summary>KVM_RUN until the guest needs the monitor.</summary>
    /// <returns>Null when a signal or <see cref="RequestExit"/> ended it, or (EAGAIN) a processor was started by another.</returns>
    public KvmExitReason? Run()
    {
        if (Ioctl.TryCall(descriptor, KvmIoctl.KVM_RUN, 0, out var errno) == -1)
        {
            return errno is Errno.EINTR or Errno.EAGAIN ? null : throw new LinuxException("ioctl", errno, KvmIoctl.KVM_RUN.Name);
        }

        return (KvmExitReason)Exit.exit_reason;
    }

    /// <summary>The data of a KVM_EXIT_IO: io_count values of io_size bytes, from the guest or for it.</summary>
    public Span<byte> IoData => page.Slice((long)Exit.io_data_offset, checked((int)Exit.io_count * Exit.io_size));

    /// <summary>Makes the next KVM_RUN, if not the one under way, finish what is pending and return at once. From any thread.</summary>
    public void RequestExit() => Volatile.Write(ref Exit.immediate_exit, 1);

    /// <summary>Takes the request back.</summary>
    public void ClearExitRequest()
    {
        Volatile.Write(ref Exit.immediate_exit, 0);
        // Whoever asks says so first and requests the exit second: what is read after this must not be older.
        Interlocked.MemoryBarrier();
    }

    /// <summary>KVM_GET_REGS.</summary>
    public kvm_regs GetRegisters() => Get<kvm_regs>(KvmIoctl.KVM_GET_REGS);

    /// <summary>KVM_SET_REGS.</summary>
    public void SetRegisters(kvm_regs registers) => Ioctl.Call(descriptor, KvmIoctl.KVM_SET_REGS, ref registers);

    /// <summary>KVM_GET_SREGS.</summary>
    public kvm_sregs GetSpecialRegisters() => Get<kvm_sregs>(KvmIoctl.KVM_GET_SREGS);

    /// <summary>KVM_SET_SREGS.</summary>
    public void SetSpecialRegisters(kvm_sregs registers) => Ioctl.Call(descriptor, KvmIoctl.KVM_SET_SREGS, ref registers);

    /// <summary>KVM_GET_FPU.</summary>
    public kvm_fpu GetFpu() => Get<kvm_fpu>(KvmIoctl.KVM_GET_FPU);

    /// <summary>KVM_SET_FPU.</summary>
    public void SetFpu(kvm_fpu fpu) => Ioctl.Call(descriptor, KvmIoctl.KVM_SET_FPU, ref fpu);

    /// <summary>KVM_GET_MP_STATE: 0 runs, 1 waits for INIT, 3 has halted.</summary>
    public uint GetMpState() => Get<kvm_mp_state>(KvmIoctl.KVM_GET_MP_STATE).mp_state;

    /// <summary>KVM_GET_MSRS of one.</summary>
    public ulong GetMsr(uint index)
    {
        var argument = MsrArgument(new kvm_msr_entry { index = index });
        CallMsr(KvmIoctl.KVM_GET_MSRS, argument, index);
        return argument.Entries[0].data;
    }

    /// <summary>KVM_SET_MSRS.</summary>
    public void SetMsrs(params ReadOnlySpan<(uint Index, ulong Value)> values)
    {
        foreach (var (index, value) in values)
        {
            // One by one: for several the kernel tells how many it took, and a caller would have to count.
            CallMsr(KvmIoctl.KVM_SET_MSRS, MsrArgument(new kvm_msr_entry { index = index, data = value }), index);
        }
    }

    /// <summary>KVM_SET_CPUID2. Before the first KVM_RUN.</summary>
    public void SetCpuid(ReadOnlySpan<kvm_cpuid_entry2> entries)
    {
        var argument = new VariableArgument<kvm_cpuid2, kvm_cpuid_entry2>(entries.Length);
        argument.Header.nent = (uint)entries.Length;
        entries.CopyTo(argument.Entries);
        Call(KvmIoctl.KVM_SET_CPUID2, argument.Bytes);
    }

    /// <summary>KVM_SET_SIGNAL_MASK: what is blocked during KVM_RUN, and only there.</summary>
    /// <param name="mask">Bit n − 1 stands for signal n.</param>
    public void SetSignalMask(ulong mask)
    {
        var argument = new VariableArgument<kvm_signal_mask, uint>(2);
        argument.Header.len = sizeof(ulong);
        argument.Entries[0] = (uint)mask;
        argument.Entries[1] = (uint)(mask >> 32);
        Call(KvmIoctl.KVM_SET_SIGNAL_MASK, argument.Bytes);
    }

    public void Dispose()
    {
        page.Dispose();
        descriptor.Dispose();
    }

    private static VariableArgument<kvm_msrs, kvm_msr_entry> MsrArgument(kvm_msr_entry entry)
    {
        var argument = new VariableArgument<kvm_msrs, kvm_msr_entry>(1);
        argument.Header.nmsrs = 1;
        argument.Entries[0] = entry;
        return argument;
    }

    private void CallMsr(IoctlRequest request, VariableArgument<kvm_msrs, kvm_msr_entry> argument, uint index)
    {
        // The answer is how many were taken; one that the kernel does not know is no error to it.
        if (Call(request, argument.Bytes) != 1)
        {
            throw new LinuxException("ioctl", Errno.EINVAL, $"{request.Name} 0x{index:x}");
        }
    }

    private int Call(IoctlRequest request, Span<byte> argument)
        => Ioctl.TryCall(descriptor, request, argument, out var errno) is var result and >= 0
            ? result : throw new LinuxException("ioctl", errno, request.Name);

    private T Get<T>(IoctlRequest request)
        where T : unmanaged
    {
        var value = default(T);
        Ioctl.Call(descriptor, request, ref value);
        return value;
    }
}
