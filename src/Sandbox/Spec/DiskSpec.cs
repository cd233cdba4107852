using System.Text.Json.Serialization;

namespace Crisp.Sandbox.Spec;

/// <summary>A block device that a container of a virtual machine has as a disk, with a device node in its filesystem.</summary>
/// <param name="Path">Of the node in the container; absolute.</param>
/// <param name="Access">For the device cgroup: a subset of "rwm". Without w the disk is opened for reading alone.</param>
/// <param name="Mode">Permission bits.</param>
public sealed record DiskSpec(string Path, DiskSource Source, string Access, uint Mode, uint Uid, uint Gid)
{
    [JsonIgnore]
    public bool IsReadOnly => !Access.Contains('w', StringComparison.Ordinal);
}

/// <summary>Where a disk's bytes are. What is a block device is said here by whoever asked for one, and never found out from mounts (CVE-2026-24054).</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(BlockDeviceSource), "blockDevice")]
[JsonDerivedType(typeof(SlotSource), "slot")]
public abstract record DiskSource;

/// <summary>A block device of the node, which the daemon opens and sends.</summary>
/// <param name="Path">Absolute; symlinks are followed.</param>
public sealed record BlockDeviceSource(string Path) : DiskSource;

/// <summary>Only in a virtual machine: the disk that the monitor has put a block device into.</summary>
/// <param name="Serial">The disk's serial number.</param>
/// <param name="Sectors">Of 512 bytes.</param>
public sealed record SlotSource(string Serial, long Sectors) : DiskSource;
