using Crisp.Kvm.Api;
using Crisp.Kvm.Boot;
using Crisp.Kvm.Boot.Acpi;
using Crisp.Kvm.Boot.Linux;
using Crisp.Kvm.Devices.Virtio;
using Crisp.Kvm.Devices.Virtio.Balloon;
using Crisp.Kvm.Devices.Virtio.Block;
using Crisp.Kvm.Devices.Virtio.Fs;
using Crisp.Kvm.Devices.Virtio.Net;
using Crisp.Kvm.Devices.Virtio.Rng;
using Crisp.Kvm.Devices.Virtio.Vsock;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm;

/// <summary>A machine for Linux.</summary>
/// <param name="CommandLine">At most 2047 bytes.</param>
public sealed record LinuxGuestOptions(int Vcpus, long MemoryBytes, string CommandLine)
{
    /// <summary>Raw disks: vda, vdb, … in this order.</summary>
    public IReadOnlyList<DiskSource> Disks { get; init; } = [];

    /// <summary>Disks without anything on them, for <see cref="BootedGuest.DiskSlots"/>; their serial numbers are <see cref="DiskSlot.NameOf"/>.</summary>
    public int DiskSlots { get; init; }

    /// <summary>The socket that leads to the guest's vsock; null for none.</summary>
    public string? VsockPath { get; init; }

    /// <summary><see cref="VsockPath"/> as the process sees it when the guest runs, if it changes its root until then.</summary>
    public string? VsockSeenAs { get; init; }

    /// <summary>Whether this process can connect to the guest's vsock (<see cref="BootedGuest.ConnectVsock"/>).</summary>
    public bool HasDirectVsock { get; init; }

    /// <summary>Network interfaces.</summary>
    public IReadOnlyList<TapSource> Taps { get; init; } = [];

    /// <summary>
    /// What the guest finds in the filesystem it mounts as virtiofs with the tag <see cref="LinuxGuest.FilesystemTag"/>; may change while it
    /// runs. The machine's from then on. Null for no such device.
    /// </summary>
    public ExportTable? Exports { get; init; }
}

/// <summary>A network interface of the guest.</summary>
/// <param name="File">Of <see cref="Tap"/>, with headers of <see cref="HeaderSize"/> bytes; closed with the machine.</param>
/// <param name="Mac">The guest's.</param>
public readonly record struct TapSource(FileDescriptor File, MacAddress Mac)
{
    public const int HeaderSize = VirtioNet.HeaderSize;

    /// <summary>The tap of this name, for a guest with an Ethernet address of its own.</summary>
    /// <exception cref="LinuxException">It cannot be had.</exception>
    public static TapSource Open(string name)
    {
        // Locally administered, and of nobody else with any likelihood.
        var mac = new byte[MacAddress.Size];
        RandomBytes.Fill(mac);
        mac[0] = 2;
        return new TapSource(Tap.Open(name, HeaderSize), new MacAddress(mac));
    }
}

/// <summary>A raw disk.</summary>
/// <param name="File">Read and written in place; closed with the machine.</param>
/// <param name="Name">The disk's serial number: at most 20 characters.</param>
public readonly record struct DiskSource(FileDescriptor File, bool IsReadOnly, string Name);

/// <summary>A file that a kernel is started with.</summary>
/// <param name="Name">For errors.</param>
public readonly record struct BootFile(FileDescriptor File, string Name);

/// <summary>A virtual machine that starts a Linux kernel: interrupt controllers, ACPI, a serial port, virtio devices.</summary>
public static class LinuxGuest
{
    /// <summary>The name of the virtiofs filesystem.</summary>
    public const string FilesystemTag = "crisp";

    /// <summary>Of <see cref="LinuxGuestOptions.DiskSlots"/>: each takes an interrupt, of which there are few.</summary>
    public const int MostDiskSlots = 8;

    private const ulong PageSize = 4096;

    // The only machine on its vsock: 3 is the first address that is nobody else's.
    private const ulong VsockCid = 3;

    /// <summary>Makes the machine and loads the kernel, which the first processor starts at its 64-bit entry.</summary>
    /// <param name="send">Gets what the guest sends through its serial port, on the processors' threads.</param>
    /// <exception cref="ImageLoadException">The kernel or the initramfs cannot be loaded.</exception>
    /// <exception cref="LinuxException">A device cannot be made.</exception>
    public static BootedGuest Create(KvmSystem system, LinuxGuestOptions options, BootFile kernel, BootFile? initrd, SerialSink send)
    {
        var machine = new VirtualMachine(system, new MachineShape(options.Vcpus, options.MemoryBytes, HasIrqchip: true));
        try
        {
            var loaded = KernelImage.Load(machine.Memory, kernel.File, kernel.Name);
            var disk = initrd is { } file ? LoadInitrd(machine.Memory, loaded, file) : ((ulong, int)?)null;
            var balloon = new VirtioBalloon(machine.Memory);
            var slots = Enumerable.Range(0, options.DiskSlots).Select(s => new VirtioBlock(DiskSlot.NameOf(s))).ToList();
            var vsock = options.HasDirectVsock || options.VsockPath is not null ? new VirtioVsock(VsockCid, options.VsockPath, options.VsockSeenAs) : null;
            var devices = 0;
            foreach (var device in Devices(options, machine.Memory, vsock).Prepend(balloon).Concat(slots))
            {
                machine.AddVirtio(device);
                devices++;
            }

            AcpiTables.Write(machine.Memory, options.Vcpus, devices);
            ZeroPage.Write(machine.Memory, loaded, options.CommandLine, disk);
            ResetVector.Write(machine.Memory);
            EntryState.WriteTables(machine.Memory, EntryMode.Long);
            EntryState.Enter(machine.Vcpus[0], EntryMode.Long, loaded.Entry, 0);
            var registers = machine.Vcpus[0].GetRegisters();
            registers.rsi = ZeroPage.Address;
            machine.Vcpus[0].SetRegisters(registers);
            return new BootedGuest(machine, ConsoleLine.Attach(machine, send), balloon, vsock) { DiskSlots = [.. slots.Select(s => new DiskSlot(s))] };
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    private static IEnumerable<IVirtioDevice> Devices(LinuxGuestOptions options, GuestMemory memory, VirtioVsock? vsock)
    {
        yield return new VirtioRng();
        foreach (var disk in options.Disks)
        {
            yield return new VirtioBlock(disk.File, Files.Length(disk.File), disk.IsReadOnly, disk.Name);
        }

        foreach (var tap in options.Taps)
        {
            yield return Network(tap);
        }

        if (vsock is not null)
        {
            yield return vsock;
        }

        if (options.Exports is { } exports)
        {
            yield return new VirtioFs(FilesystemTag, exports, memory, FuseLimits.OfProcess());
        }
    }

    private static VirtioNet Network(TapSource tap) => new(tap.File, offloads => Tap.SetOffloads(tap.File, offloads), tap.Mac.ToBytes());

    private static (ulong Address, int Length) LoadInitrd(GuestMemory memory, LoadedKernel kernel, BootFile file)
    {
        var length = Files.Status(file.File).Size;
        var low = memory.Ranges[0];
        // As high as it can, which is what kernels expect, and away from where the kernel unpacks itself.
        var address = length is > 0 and <= int.MaxValue && (ulong)length < low.End ? (low.End - (ulong)length) / PageSize * PageSize : 0;
        if (address < kernel.End || !memory.TrySlice(address, (int)length, out var bytes))
        {
            throw new ImageLoadException(
                $"The initramfs {file.Name} of {length} bytes does not fit behind the kernel into {low.Length} bytes of memory. Give the machine more (--memory).");
        }

        FlatImage.Read(file.File, bytes, file.Name);
        return (address, (int)length);
    }
}
