using System.Diagnostics;
using System.Text.Json;
using Crisp.Kvm.Api;
using Crisp.Kvm.Confinement;
using Crisp.Kvm.Devices;
using Crisp.Kvm.Devices.Virtio;
using Crisp.Kvm.Devices.Virtio.Mmio;
using Crisp.Kvm.Interop;
using Crisp.Kvm.Memory;
using Crisp.Kvm.Vcpus;
using Crisp.Linux;

namespace Crisp.Kvm;

/// <summary>What a machine is made of.</summary>
/// <param name="MemoryBytes">A multiple of 4096.</param>
/// <param name="HasIrqchip">
/// With interrupt controllers processors other than the first wait until the guest starts them, and HLT waits for an interrupt.
/// Without, all start at once, and HLT is the end.
/// </param>
internal sealed record MachineShape(int Vcpus, long MemoryBytes, bool HasIrqchip);

/// <summary>One virtual machine: memory, processors, buses. Filled with devices and a guest, it is started once.</summary>
public sealed class VirtualMachine : IDisposable
{
    /// <summary>Local APICs of the older kind have ids of 8 bits, of which 255 means all.</summary>
    public const int MostVcpus = 254;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly KvmMachine _machine;
    private readonly List<IDisposable> _owned = [];
    private readonly List<VcpuThread> _threads = [];
    private readonly List<(uint Device, DeviceLoop Loop)> _loops = [];
    private readonly RunControl _control;
    private readonly Stopwatch _uptime = new();
    private readonly Stopwatch _paused = new();
    private int _pauses;
    private int _virtioDevices;

    internal VirtualMachine(KvmSystem system, MachineShape shape)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shape.Vcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shape.Vcpus, Math.Min(MostVcpus, system.MaxVcpus));
        _machine = system.CreateMachine();
        try
        {
            Memory = GuestMemory.Create(shape.MemoryBytes);
            _machine.SetIdentityMapAddress(AddressMap.IdentityMap);
            _machine.SetTssAddress(AddressMap.Tss);
            foreach (var (slot, range) in Memory.Ranges.Index())
            {
                _machine.SetMemory((uint)slot, range.Address, Memory.Mapping, range.Offset, range.Length);
            }

            if (shape.HasIrqchip)
            {
                _machine.CreateIrqchip();
            }

            CreateVcpus(system, shape);
            _control = new RunControl(shape.Vcpus, KickAll);
        }
        catch
        {
            Release();
            throw;
        }

        HasIrqchip = shape.HasIrqchip;
    }

    internal bool HasIrqchip { get; }

    internal GuestMemory Memory { get; } = null!;

    internal Bus Ports { get; } = new();

    internal Bus MemoryBus { get; } = new();

    internal List<KvmVcpu> Vcpus { get; } = [];

    /// <summary>Null while it has not ended.</summary>
    public VmEnd? Outcome => _control.Outcome;

    /// <summary>An interrupt of the machine's own: an irqfd, where there are interrupt controllers.</summary>
    internal IInterruptLine CreateInterrupt(uint gsi)
    {
        if (!HasIrqchip)
        {
            return NoInterrupt.Instance;
        }

        var signal = Own(new EventFd());
        _machine.AddIrqfd(signal, gsi);
        return new EventInterrupt(signal);
    }

    /// <summary>An eventfd that the guest's writes of 4 bytes at the address signal.</summary>
    /// <param name="match">Only writes of this value.</param>
    internal EventFd CreateNotice(ulong address, uint match)
    {
        var signal = Own(new EventFd());
        _machine.AddIoeventfd(signal, address, sizeof(uint), match);
        return signal;
    }

    /// <summary>Adds a virtio device with a thread of its own; both end with the machine. Before the start.</summary>
    internal VirtioMmio AddVirtio(IVirtioDevice device)
    {
        ArgumentOutOfRangeException.ThrowIfEqual(_virtioDevices, AddressMap.MostVirtioDevices);
        var address = AddressMap.Virtio + (ulong)_virtioDevices * AddressMap.VirtioStride;
        var interrupt = CreateInterrupt(AddressMap.VirtioInterrupt + (uint)_virtioDevices++);
        var notices = device.QueueSizes.Select((_, queue) => CreateNotice(address + MmioRegister.QueueNotify, (uint)queue)).ToList();
        var name = device.GetType().Name;
        var loop = new DeviceLoop(name, e => End(VmOutcome.Failed, $"The monitor failed at {name}: {e.Message}", e));
        _loops.Add((device.Id, loop));
        var transport = Own(new VirtioMmio(device, Memory, interrupt, loop, notices));
        MemoryBus.Add(address, VirtioMmio.Length, transport);
        return transport;
    }

    /// <summary>Memory that the guest can read and nobody but the owner of the mapping can change.</summary>
    internal void AddReadOnlyMemory(ulong address, MemoryMapping memory)
        => _machine.SetMemory((uint)Memory.Ranges.Count, address, memory, 0, memory.Length, isReadOnly: true);

    /// <summary>Disposed of with the machine, after its processors have ended.</summary>
    internal T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    /// <summary>
    /// Takes from the process what a monitor does not need (see <see cref="MonitorFilter"/>), and from processors and devices their
    /// capabilities too. Once, by the thread that starts the machine, when nothing is to be opened any more; only for programs that do
    /// not compile while they run.
    /// </summary>
    /// <param name="capabilities">That the process keeps, for a file server.</param>
    /// <param name="hasFiles">Whether there is a file server.</param>
    /// <exception cref="LinuxException">The kernel has no seccomp.</exception>
    public void Confine(CapabilitySet capabilities, bool hasFiles)
    {
        Restrictions.KeepCapabilities(capabilities);
        Restrictions.NoNewPrivileges();
        Restrictions.Filter(MonitorFilter.Process(hasFiles), allThreads: true);
        foreach (var devices in _loops.GroupBy(l => l.Device, l => l.Loop))
        {
            var filter = MonitorFilter.Device(devices.Key);
            foreach (var loop in devices)
            {
                // A thread that was started before keeps what it has until it gives it up itself.
                loop.Invoke(() =>
                {
                    Restrictions.KeepCapabilities(filter is null ? capabilities : CapabilitySet.Empty);
                    if (filter is not null)
                    {
                        Restrictions.Filter(filter, allThreads: false);
                    }
                });
            }
        }

        var processor = MonitorFilter.Processor();
        foreach (var thread in _threads)
        {
            thread.Confine = () =>
            {
                Restrictions.KeepCapabilities(CapabilitySet.Empty);
                Restrictions.Filter(processor, allThreads: false);
            };
        }
    }

    /// <summary>Lets the processors run.</summary>
    public void Start()
    {
        foreach (var thread in _threads)
        {
            thread.Start(_control);
        }

        _uptime.Start();
        _control.Start();
    }

    /// <summary>Returns when all processors have left the guest.</summary>
    /// <returns>False when it was not running.</returns>
    public bool Pause()
    {
        if (!_control.Pause())
        {
            return false;
        }

        _uptime.Stop();
        _paused.Start();
        _pauses++;
        return true;
    }

    /// <returns>False when it was not paused.</returns>
    public bool Resume()
    {
        if (!_control.Resume())
        {
            return false;
        }

        _paused.Stop();
        _uptime.Start();
        return true;
    }

    /// <summary>Ends it. Its processors leave the guest soon afterwards.</summary>
    public void Stop(string sentence) => End(VmOutcome.Stopped, sentence);

    internal void End(VmOutcome outcome, string sentence, Exception? failure = null) => _control.End(new VmEnd(outcome, sentence, failure));

    /// <summary>Waits for its end.</summary>
    /// <returns>Null when the time is over.</returns>
    public VmEnd? WaitForEnd(TimeSpan timeout) => _control.WaitForEnd(timeout);

    /// <summary>How often its processors have left the guest, by reason, all together. From any thread.</summary>
    public IReadOnlyDictionary<string, long> CountExits()
    {
        var exits = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (reason, count) in _threads.SelectMany(t => t.Exits.Read()))
        {
            exits[reason] = exits.GetValueOrDefault(reason) + count;
        }

        return exits;
    }

    /// <summary>What it has done until now. Pause, Resume and this are for one thread.</summary>
    public VmReport Report()
    {
        var outcome = _control.Outcome;
        return new VmReport(
            JsonNamingPolicy.CamelCase.ConvertName(_control.State.ToString()),
            _uptime.Elapsed.TotalSeconds,
            _paused.Elapsed.TotalSeconds,
            _pauses,
            Memory.Length,
            [.. _threads.Select((t, id) => new VcpuReport(id, t.Exits.Read()))],
            outcome is null ? null : JsonNamingPolicy.CamelCase.ConvertName(outcome.Outcome.ToString()),
            outcome?.Sentence);
    }

    public void Dispose()
    {
        Stop("The machine was taken apart.");
        foreach (var thread in _threads)
        {
            if (!thread.Join(s_patience))
            {
                // Its memory must stay: the thread may still write to it.
                throw new InvalidOperationException("A virtual processor does not end: a device keeps it waiting.");
            }
        }

        Release();
    }

    private void CreateVcpus(KvmSystem system, MachineShape shape)
    {
        var supported = system.GetSupportedCpuid();
        var hasDeadlineTimer = system.Check(KvmCapability.TSC_DEADLINE_TIMER) != 0;
        var exits = new ExitHandler(Ports, MemoryBus);
        for (var id = 0; id < shape.Vcpus; id++)
        {
            var vcpu = _machine.CreateVcpu(id);
            _threads.Add(new VcpuThread(id, vcpu, exits));
            vcpu.SetCpuid(CpuidTable.For(supported, id, shape.Vcpus, shape.HasIrqchip, hasDeadlineTimer));
            Vcpus.Add(vcpu);
        }
    }

    private void KickAll()
    {
        foreach (var thread in _threads)
        {
            thread.Kick();
        }
    }

    private void Release()
    {
        foreach (var thread in _threads)
        {
            thread.Dispose();
        }

        // One that cannot be closed yet stays, and keeps the memory: whoever tries again goes on with it.
        for (; _owned.Count > 0; _owned.RemoveAt(_owned.Count - 1))
        {
            _owned[^1].Dispose();
        }

        _machine.Dispose();
        Memory?.Dispose();
    }
}
