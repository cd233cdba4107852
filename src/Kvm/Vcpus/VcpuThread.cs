using Crisp.Kvm.Api;
using Crisp.Linux;

namespace Crisp.Kvm.Vcpus;

/// <summary>One virtual processor and the thread that runs it.</summary>
internal sealed class VcpuThread : IDisposable
{
    // Reserved for applications, and used by neither glibc nor the .NET runtime. No thread has a handler for it.
    private const int KickSignal = Signals.Last;

    // The devices' code runs on it too. Stacks take room only where they are touched.
    private const int StackSize = 512 * 1024;

    private readonly Lock _kickLock = new();
    private readonly int _id;
    private readonly KvmVcpu _vcpu;
    private readonly ExitHandler _exits;
    private readonly Thread _thread;
    private RunControl? _control;
    private int _threadId;

    internal VcpuThread(int id, KvmVcpu vcpu, ExitHandler exits)
    {
        (_id, _vcpu, _exits) = (id, vcpu, exits);
        _thread = new Thread(Main, StackSize) { Name = $"vcpu {id}", IsBackground = true };
    }

    internal ExitCounts Exits { get; } = new();

    /// <summary>What its thread does first; null for nothing.</summary>
    internal Action? Confine { get; set; }

    /// <summary>Starts the thread, which waits for the machine's start.</summary>
    internal void Start(RunControl control)
    {
        _control = control;
        _thread.Start();
    }

    /// <summary>Makes the processor leave the guest, or not enter it, and look at its <see cref="RunControl"/>.</summary>
    internal void Kick()
    {
        lock (_kickLock)
        {
            if (_threadId != 0)
            {
                _vcpu.RequestExit();
                ThreadSignals.Send(_threadId, KickSignal);
            }
        }
    }

    /// <summary>Waits for the thread's end.</summary>
    internal bool Join(TimeSpan timeout) => !_thread.IsAlive || _thread.Join(timeout);

    public void Dispose() => _vcpu.Dispose();

    private void Main()
    {
        var control = _control!;
        try
        {
            Confine?.Invoke();
            Prepare();
            Run(control);
        }
#pragma warning disable CA1031 // Whatever it is, it ends this machine and is its reason; nothing else in the process.
        catch (Exception e)
        {
            control.End(new VmEnd(VmOutcome.Failed, $"The monitor failed at processor {_id}: {e.Message}", e));
        }
#pragma warning restore CA1031
        finally
        {
            lock (_kickLock)
            {
                _threadId = 0;
            }
        }
    }

    private void Prepare()
    {
        // Blocked on this thread but within KVM_RUN: there it ends the run, and is still never delivered, because the kernel
        // blocks it again before it returns.
        var blocked = ThreadSignals.Block(KickSignal);
        _vcpu.SetSignalMask(blocked & ~(1UL << (KickSignal - 1)));
        lock (_kickLock)
        {
            _threadId = ThreadSignals.CurrentThread;
        }
    }

    private void Run(RunControl control)
    {
        while (control.MayRun())
        {
            // Until somebody kicks: what a kick asks for is read only after the request to exit was taken back.
            while (_vcpu.Run() is { } reason)
            {
                Exits.Count(reason);
                var action = _exits.Handle(_id, _vcpu, reason, out var end);
                if (action == ExitAction.Halt)
                {
                    control.Halted();
                    return;
                }

                if (action == ExitAction.End)
                {
                    control.End(end!);
                }
            }

            Exits.Count(null);
            ThreadSignals.Take(KickSignal);
            _vcpu.ClearExitRequest();
        }
    }
}
