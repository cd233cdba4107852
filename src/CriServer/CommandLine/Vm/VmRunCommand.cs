using System.CommandLine;
using System.Globalization;
using Crisp.CriServer.CommandLine.Run;
using Crisp.CriServer.Configuration;
using Crisp.Kvm;
using Crisp.Kvm.Boot;
using Crisp.Sandbox.Vm;

namespace Crisp.CriServer.CommandLine.Vm;

/// <summary><c>crisp vm run</c>: a flat guest. The command checks its options and then becomes crisp-sandbox, which is the monitor.</summary>
internal static class VmRunCommand
{
    private const int PageSize = 4096;

    public static Command Create()
    {
        var image = new Option<string>("--image") { Description = "The guest: bytes without any format, entered at the first", HelpName = "FILE", Required = true };
        var vcpus = new Option<int>("--vcpus") { Description = "Virtual processors", HelpName = "N", DefaultValueFactory = _ => 1 };
        var memory = new Option<string>("--memory", "-m") { Description = "The guest's memory", HelpName = "BYTES", DefaultValueFactory = _ => "128m" };
        var entry = new Option<EntryMode>("--entry") { Description = "The mode it starts in: real, protected or long", HelpName = "MODE", DefaultValueFactory = _ => EntryMode.Long };
        var loadAt = new Option<string?>("--load-at") { Description = "Where the image goes (default: 0x100000)", HelpName = "ADDRESS" };
        var stats = new Option<bool>("--stats") { Description = "Write reports as JSON, and one at the end" };
        var config = DaemonOptions.ConfigFileOption();
        var command = new Command("run", "Run a flat guest; its serial port is the terminal.") { image, vcpus, memory, entry, loadAt, stats, config };
        command.SetRun((parsed, _) =>
        {
            var spec = new FlatVmSpec(
                Path.GetFullPath(parsed.GetRequiredValue(image)),
                Vcpus(parsed.GetValue(vcpus)),
                Memory(parsed.GetRequiredValue(memory)),
                parsed.GetValue(entry),
                parsed.GetValue(loadAt) is { } address ? Address(address) : null,
                parsed.GetValue(stats));
            VmProcess.Become(ConfigFile.Load(parsed.GetValue(config)).SandboxBinaryPath, spec.ToArguments());
            return Task.FromResult(0);
        });
        return command;
    }

    /// <exception cref="CommandException">It is no number of processors that a machine can have.</exception>
    internal static int Vcpus(int count) => count is >= 1 and <= VirtualMachine.MostVcpus
        ? count : throw new CommandException($"--vcpus {count}: a virtual machine has 1 to {VirtualMachine.MostVcpus} processors.");

    /// <exception cref="CommandException">It is no size that a machine's memory can have.</exception>
    internal static long Memory(string text)
    {
        var bytes = RunArguments.Bytes(text);
        return bytes < FlatGuest.LeastMemory ? throw new CommandException($"--memory {text}: give at least {FlatGuest.LeastMemory >> 20}m.")
            : bytes % PageSize == 0 ? bytes : throw new CommandException($"--memory {text}: give a multiple of {PageSize} bytes.");
    }

    /// <param name="text">Hexadecimal with 0x before it, or decimal.</param>
    /// <exception cref="CommandException">It is no number.</exception>
    internal static ulong Address(string text)
    {
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return ulong.TryParse(isHex ? text[2..] : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var address)
            ? address : throw new CommandException($"--load-at {text}: give an address, for example 0x100000.");
    }
}
