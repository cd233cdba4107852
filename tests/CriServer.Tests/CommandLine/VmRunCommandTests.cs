using System.CommandLine;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.CommandLine.Vm;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class VmRunCommandTests
{
    [Theory]
    [InlineData("0x100000", 0x10_0000UL)]
    [InlineData("65536", 0x1_0000UL)]
    public void Address_IsHexadecimalOrDecimal(string text, ulong address) => Assert.Equal(address, VmRunCommand.Address(text));

    [Theory]
    [InlineData("0x")]
    [InlineData("-1")]
    [InlineData("top")]
    [InlineData("0x10000000000000000")]
    public void WrongAddress_IsNamed(string text)
        => Assert.Equal($"--load-at {text}: give an address, for example 0x100000.", Assert.Throws<CommandException>(() => VmRunCommand.Address(text)).Message);

    [Theory]
    [InlineData("1m", "--memory 1m: give at least 2m.")]
    [InlineData("2097153", "--memory 2097153: give a multiple of 4096 bytes.")]
    public void WrongMemory_IsNamed(string text, string sentence)
        => Assert.Equal(sentence, Assert.Throws<CommandException>(() => VmRunCommand.Memory(text)).Message);

    [Theory]
    [InlineData(0)]
    [InlineData(255)]
    public void WrongNumberOfProcessors_IsNamed(int count)
        => Assert.Equal($"--vcpus {count}: a virtual machine has 1 to 254 processors.", Assert.Throws<CommandException>(() => VmRunCommand.Vcpus(count)).Message);

    [Fact]
    public void MissingMonitor_IsToldWithAdvice()
    {
        using var directory = new TemporaryDirectory();
        var config = Path.Combine(directory.Path, "config.toml");
        File.WriteAllText(config, "sandbox_binary = \"/nowhere/crisp-sandbox\"\n");
        var error = new StringWriter();

        var code = CrispCommand.Parse(["vm", "run", "--image", "x", "--config", config]).Invoke(new InvocationConfiguration { Error = error });

        Assert.Equal(1, code);
        Assert.StartsWith(
            "crisp: /nowhere/crisp-sandbox, which runs virtual machines, cannot be run: ENOENT, no such file or directory. Install it beside crisp",
            error.ToString(),
            StringComparison.Ordinal);

        // SIGTERM, 15: a thread that kept it blocked would hand that on to every daemon that other tests start from it.
        var masks = Directory.GetDirectories("/proc/self/task").SelectMany(task => File.ReadLines(Path.Combine(task, "status")))
            .Where(line => line.StartsWith("SigBlk:", StringComparison.Ordinal)).Select(line => Convert.ToUInt64(line[7..].Trim(), 16));
        Assert.DoesNotContain(masks, mask => (mask & (1UL << 14)) != 0);
    }
}
