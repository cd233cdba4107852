using System.Diagnostics;
using System.Globalization;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Vm.Guest;

/// <summary>The guest's disks, into which the monitor puts block devices of the node. A slot without one is a disk of no size.</summary>
/// <param name="directory">/sys/block: a directory for each disk, with its serial number, size and number.</param>
internal sealed class GuestDisks(string directory)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(5);

    /// <summary>The specification with a device and a rule for each of its disks. Waits until the kernel has heard of them.</summary>
    /// <exception cref="SandboxException">There is no such disk, or it does not get its size.</exception>
    public ContainerSpec Resolve(ContainerSpec spec)
    {
        if (spec.Disks is not { } disks)
        {
            return spec;
        }

        var devices = disks.Select(d => Device(d, (SlotSource)d.Source)).ToList();

        // Whoever has one open from before, and has read since its device left, holds what is not on this one.
        Flush(disks);
        return spec with
        {
            Devices = [.. spec.Devices, .. devices],
            DeviceRules = [.. spec.DeviceRules, .. devices.Zip(disks, static (d, disk) => new DeviceRuleSpec(true, d.Type, d.Major, d.Minor, disk.Access))],
        };
    }

    /// <summary>
    /// Writes what the kernel has of them in memory, and forgets it: what the slot has next is another device. Before one leaves, and
    /// when one has come.
    /// </summary>
    /// <exception cref="LinuxException">It cannot be written.</exception>
    public void Flush(IEnumerable<DiskSpec> disks)
    {
        foreach (var disk in disks)
        {
            using var device = Files.Open(Path.Combine("/dev", Find((SlotSource)disk.Source)), OpenFlags.ReadOnly);
            BlockDevices.Flush(device);
        }
    }

    private DeviceSpec Device(DiskSpec disk, SlotSource source)
    {
        var name = Find(source);
        var sectors = source.Sectors.ToString(CultureInfo.InvariantCulture);
        for (var time = Stopwatch.StartNew(); Read(name, "size") != sectors; Thread.Sleep(_pause))
        {
            if (time.Elapsed > _patience)
            {
                throw new SandboxException(RpcCode.Unavailable, $"The guest's disk {name} for {disk.Path} has {Read(name, "size")} sectors instead of {sectors}.");
            }
        }

        var number = Read(name, "dev").Split(':').Select(static n => uint.Parse(n, CultureInfo.InvariantCulture)).ToList();
        return new DeviceSpec(disk.Path, 'b', number[0], number[1], disk.Mode, disk.Uid, disk.Gid);
    }

    private string Find(SlotSource source)
        => Directory.EnumerateDirectories(directory).Select(Path.GetFileName).FirstOrDefault(n => Read(n!, "serial") == source.Serial)
            ?? throw new SandboxException(RpcCode.FailedPrecondition, $"The guest has no disk {source.Serial}: its kernel needs virtio_blk.");

    // A disk of another kind has no serial number there.
    private string Read(string disk, string attribute)
    {
        var path = Path.Combine(directory, disk, attribute);
        return File.Exists(path) ? File.ReadAllText(path).Trim() : "";
    }
}
