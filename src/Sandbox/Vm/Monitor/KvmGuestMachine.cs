using Crisp.Kvm;
using Crisp.Kvm.Api;
using Crisp.Kvm.Fuse;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Vm.Guest;
using Crisp.Sandbox.Vm.Network;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>A virtual machine of src/Kvm with the devices that a pod needs.</summary>
/// <param name="podId">For process 1 of the guest.</param>
/// <param name="consolePath">Of the file that gets what the guest writes to its console.</param>
internal sealed class KvmGuestMachine(string podId, string consolePath) : IGuestMachine
{
    private const long PageSize = 4096;
    private readonly GuestConsole _console = new(consolePath);
    private readonly ExportTable _exports = new();
    private VmNetwork? _network;
    private volatile BootedGuest? _guest;

    public string Console => _console.Tail;

    public IReadOnlyDictionary<string, long> Exits => _guest?.Machine.CountExits() ?? new Dictionary<string, long>();

    public void ConfineThread() => VmConfinement.EnterThread();

    public byte[] Start(VmSpec spec, FileDescriptor networkNamespace, Action<string> ended)
    {
        ResourceLimits.RaiseDescriptors();
        using var kernel = VmGuests.Open("kernel", spec.Kernel);
        using var initramfs = VmGuests.Open("initramfs", spec.Initramfs);
        _network = VmNetwork.Create(networkNamespace);
        using var system = KvmSystem.Open();
        var options = new LinuxGuestOptions(spec.Vcpus, spec.MemoryBytes / PageSize * PageSize, CommandLine())
        {
            HasDirectVsock = true,
            Taps = _network.Taps,
            DiskSlots = spec.DiskSlots,
            Exports = _exports,
        };
        _guest = LinuxGuest.Create(system, options, new BootFile(kernel, spec.Kernel), new BootFile(initramfs, spec.Initramfs), _console.Write);
        VmConfinement.Enter(_guest, hasFiles: true, directory: null);
        _guest.Machine.Start();
        ConfineThread();
        new Thread(() => ended(Describe(_guest.Machine.WaitForEnd(Timeout.InfiniteTimeSpan)!)), 128 << 10) { IsBackground = true, Name = "machine" }.Start();
        return _network.Guest.ToJson();
    }

    public FileDescriptor Connect() => _guest!.ConnectVsock(GuestProgram.Port);

    public void Export(string name, FileDescriptor tree, bool isReadOnly, bool isShared)
        => _exports.Add(name, tree, (isShared ? ExportOptions.Shared : ExportOptions.Exclusive) with { IsReadOnly = isReadOnly });

    public void Unexport(string name) => _exports.Remove(name);

    public void AttachDisk(int slot, FileDescriptor device, long length, bool isReadOnly) => _guest!.DiskSlots[slot].Attach(device, length, isReadOnly);

    public void DetachDisk(int slot) => _guest!.DiskSlots[slot].Detach();

    public void Stop(string sentence) => _guest?.Machine.Stop(sentence);

    public void Dispose()
    {
        _guest?.Dispose();
        _exports.Dispose();
        _network?.Dispose();
        _console.Dispose();
    }

    // A panic is the end: the kernel resets the machine at once. What the kernel does not know goes to the environment of process 1.
    private string CommandLine()
        => $"console=ttyS0 quiet panic=-1 {GuestProgram.PodVariable}={podId}";

    private string Describe(VmEnd end)
        => end.Outcome is VmOutcome.Reset or VmOutcome.TripleFault && _console.Panic is { } panic
            ? $"{end.Sentence} Its console says: {GuestText.Clean(panic).Trim()}"
            : end.Sentence;
}
