using Crisp.Cri.V1;
using Crisp.CriServer.Sandboxes;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    /// <summary>What a container of a virtual machine has of the devices that it asks for: block devices, as disks. Null for none.</summary>
    private static List<DiskSpec>? Disks(ContainerSpecInput input)
    {
        if (input.Sandbox.Spec.Vm is not { } machine || input.Config.Devices.Count == 0)
        {
            return null;
        }

        var disks = input.Config.Devices.Select(Disk).ToList();
        return disks.Count <= machine.DiskSlots ? disks : throw VmLimits.Refused(
            $"the block device {input.Config.Devices[machine.DiskSlots].HostPath}",
            $"its machine was made for {machine.DiskSlots} at once (block_devices of its runtime handler)");
    }

    private static DiskSpec Disk(Device device)
    {
        var target = Target(device);
        using var file = DiskDevices.Find(device.HostPath, out var status);
        return new DiskSpec(target, new BlockDeviceSource(device.HostPath), Access(device), status.Permissions, status.Uid, status.Gid);
    }
}
