using System.CommandLine;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.GuestImages;
using Crisp.Sandbox.Vm;

namespace Crisp.CriServer.CommandLine.Vm;

/// <summary><c>crisp vm boot</c>: a Linux kernel. The command checks its options and then becomes crisp-sandbox, which is the monitor.</summary>
internal static class VmBootCommand
{
    // Everything else comes from ACPI.
    private const string Console = "console=ttyS0";

    public static Command Create()
    {
        var kernel = new Option<string?>("--kernel") { Description = "A vmlinux or bzImage (default: the guest image of crisp vm build)", HelpName = "FILE" };
        var initrd = new Option<string?>("--initrd") { Description = "The initramfs", HelpName = "FILE" };
        var append = new Option<string>("--append") { Description = $"More for the kernel's command line, which begins with {Console}", HelpName = "TEXT", DefaultValueFactory = _ => "" };
        var disks = new Option<string[]>("--disk") { Description = "A raw disk, FILE or FILE:ro; may be given again", HelpName = "FILE[:ro]", DefaultValueFactory = _ => [] };
        var shares = new Option<string[]>("--share") { Description = "A directory or file for the guest's virtiofs, NAME=PATH or NAME=PATH:ro; may be given again", HelpName = "NAME=PATH[:ro]", DefaultValueFactory = _ => [] };
        var vsock = new Option<string?>("--vsock") { Description = "The socket to make for connections to the guest", HelpName = "PATH" };
        var tap = new Option<string?>("--tap") { Description = "The tap that is the guest's network", HelpName = "NAME" };
        var vcpus = new Option<int>("--vcpus") { Description = "Virtual processors", HelpName = "N", DefaultValueFactory = _ => 1 };
        var memory = new Option<string>("--memory", "-m") { Description = "The guest's memory", HelpName = "BYTES", DefaultValueFactory = _ => "512m" };
        var stats = new Option<bool>("--stats") { Description = "Write reports as JSON, and one at the end" };
        var config = DaemonOptions.ConfigFileOption();
        var command = new Command("boot", "Boot a Linux kernel; its serial port is the terminal.") { kernel, initrd, append, disks, shares, vsock, tap, vcpus, memory, stats, config };
        command.SetRun((parsed, _) =>
        {
            var settings = ConfigFile.Load(parsed.GetValue(config));
            var image = parsed.GetValue(kernel) is null ? GuestImage.Open(settings.GuestImageDirectory, CrispVersion.Text) : null;
            var spec = new LinuxVmSpec(
                image?.KernelPath ?? Path.GetFullPath(parsed.GetRequiredValue(kernel)!),
                $"{Console} {parsed.GetValue(append)}".TrimEnd(),
                VmRunCommand.Vcpus(parsed.GetValue(vcpus)),
                VmRunCommand.Memory(parsed.GetRequiredValue(memory)),
                [.. (parsed.GetValue(disks) ?? []).Select(Disk)],
                [.. (parsed.GetValue(shares) ?? []).Select(Share)],
                FullPath(parsed.GetValue(initrd)) ?? image?.InitramfsPath,
                FullPath(parsed.GetValue(vsock)),
                parsed.GetValue(tap),
                parsed.GetValue(stats));
            VmProcess.Become(settings.SandboxBinaryPath, spec.ToArguments());
            return Task.FromResult(0);
        });
        return command;
    }

    internal static VmDisk Disk(string text)
    {
        var (path, isReadOnly) = Mode(text);
        return path.Length > 0 ? new VmDisk(Path.GetFullPath(path), isReadOnly) : throw new CommandException($"--disk {text}: give FILE or FILE:ro.");
    }

    internal static VmShare Share(string text)
    {
        var separator = text.IndexOf('=', StringComparison.Ordinal);
        var (path, isReadOnly) = Mode(text[(separator + 1)..]);
        return separator > 0 && path.Length > 0 ? new VmShare(text[..separator], Path.GetFullPath(path), isReadOnly)
            : throw new CommandException($"--share {text}: give NAME=PATH or NAME=PATH:ro.");
    }

    private static (string Path, bool IsReadOnly) Mode(string text)
    {
        const string ReadOnly = ":ro";
        return text.EndsWith(ReadOnly, StringComparison.Ordinal) ? (text[..^ReadOnly.Length], true) : (text, false);
    }

    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);
}
