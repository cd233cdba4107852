using System.Text.Json;

namespace Crisp.Sandbox.Vm;

/// <summary>A virtual machine that starts Linux, as crisp describes it to the process that becomes it.</summary>
/// <param name="Kernel">The path of a vmlinux or a bzImage.</param>
/// <param name="Disks">Raw disks, in order.</param>
/// <param name="Shares">Directories and files that the guest finds in its virtiofs filesystem.</param>
/// <param name="Initrd">The path of an initramfs; null for none.</param>
/// <param name="Vsock">The path of the socket that leads to the guest's vsock.</param>
/// <param name="Tap">The tap that is the guest's network.</param>
/// <param name="Stats">Whether reports are JSON, and one is written at the end.</param>
public sealed record LinuxVmSpec(
    string Kernel,
    string CommandLine,
    int Vcpus,
    long MemoryBytes,
    IReadOnlyList<VmDisk> Disks,
    IReadOnlyList<VmShare> Shares,
    string? Initrd = null,
    string? Vsock = null,
    string? Tap = null,
    bool Stats = false)
{
    /// <summary>The arguments that make crisp-sandbox this machine.</summary>
    public IReadOnlyList<string> ToArguments() => ["crisp-sandbox", VmProgram.LinuxOption, JsonSerializer.Serialize(this, VmSpecJson.Default.LinuxVmSpec)];

    internal static LinuxVmSpec Parse(string json) => JsonSerializer.Deserialize(json, VmSpecJson.Default.LinuxVmSpec)
        ?? throw new JsonException("The specification of the virtual machine is null.");
}

/// <summary>A raw disk.</summary>
public sealed record VmDisk(string Path, bool IsReadOnly);

/// <summary>A directory or regular file of the node.</summary>
/// <param name="Name">What it is called in the guest's filesystem.</param>
public sealed record VmShare(string Name, string Path, bool IsReadOnly);
