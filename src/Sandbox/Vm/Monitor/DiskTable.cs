using Crisp.Kvm;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>
/// Which block device of the node is in which disk slot of the machine, and for which containers. Containers with the same device share
/// a slot, as their kernel's one cache of it must; the slot can write when one of them may. From any thread; calls may block.
/// </summary>
/// <param name="slots">How many the machine has.</param>
internal sealed class DiskTable(IGuestMachine machine, int slots)
{
    private readonly Lock _lock = new();
    private readonly Entry?[] _entries = new Entry?[slots];
    private int _last = -1;

    /// <param name="device">Open for reading, and for writing unless the disk is read-only. Closed with the last container's, or when this throws.</param>
    /// <returns>The disk as the guest gets it.</returns>
    /// <exception cref="SandboxException">It is no block device, has no size, or there is no slot left.</exception>
    public DiskSpec Attach(string container, DiskSpec disk, FileDescriptor device)
    {
        lock (_lock)
        {
            try
            {
                var (entry, isNew) = EntryFor(disk, device);
                if (isNew || (entry.IsReadOnly && !disk.IsReadOnly))
                {
                    machine.AttachDisk(entry.Slot, device, entry.Length, disk.IsReadOnly);
                    entry.IsReadOnly = disk.IsReadOnly;
                    _entries[entry.Slot] = entry;
                }
                else
                {
                    device.Dispose();
                }

                entry.Containers.Add(container);
                return disk with { Source = new SlotSource(DiskSlot.NameOf(entry.Slot), entry.Length / DiskSlot.SectorSize) };
            }
            catch
            {
                device.Dispose();
                throw;
            }
        }
    }

    /// <summary>On return nothing is open any more of what the container alone had. One that has none is no error.</summary>
    public void Detach(string container)
    {
        lock (_lock)
        {
            foreach (var entry in _entries.OfType<Entry>())
            {
                if (entry.Containers.Remove(container) && entry.Containers.Count == 0)
                {
                    machine.DetachDisk(entry.Slot);
                    _entries[entry.Slot] = null;
                }
            }
        }
    }

    private (Entry Entry, bool IsNew) EntryFor(DiskSpec disk, FileDescriptor device)
    {
        var name = ((BlockDeviceSource)disk.Source).Path;
        var status = Files.Status(device);
        if (status.Type != FileType.BlockDevice)
        {
            throw new SandboxException(RpcCode.InvalidArgument, $"{name} is no block device.");
        }

        var number = (status.DeviceMajor, status.DeviceMinor);
        if (_entries.FirstOrDefault(e => e?.Number == number) is { } shared)
        {
            return (shared, false);
        }

        var length = Files.Length(device);
        if (length < DiskSlot.SectorSize)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The block device {name} has no size: there is nothing in it.");
        }

        return (new Entry(FreeSlot(name), number, length), true);
    }

    // The one that has been free for longest: whoever still has the old disk open there sees the new one as late as can be.
    private int FreeSlot(string name)
    {
        for (var i = 1; i <= slots; i++)
        {
            var slot = (_last + i) % slots;
            if (_entries[slot] is null)
            {
                _last = slot;
                return slot;
            }
        }

        throw new SandboxException(
            RpcCode.ResourceExhausted,
            $"The pod's virtual machine has no disk left for {name}: it was made for {slots} block devices at once (block_devices of its runtime handler).");
    }

    private sealed class Entry(int slot, (uint Major, uint Minor) number, long length)
    {
        public int Slot => slot;

        public (uint Major, uint Minor) Number => number;

        public long Length => length;

        public bool IsReadOnly { get; set; }

        public HashSet<string> Containers { get; } = [];
    }
}
