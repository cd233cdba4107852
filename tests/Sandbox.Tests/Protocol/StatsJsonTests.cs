using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;
using Google.Protobuf;
using Xunit;

namespace Crisp.Sandbox.Tests.Protocol;

/// <summary>What a guest says of its statistics is believed only where it is complete: readers look into it without asking again.</summary>
public sealed class StatsJsonTests
{
    [Fact]
    public void WhatIsWritten_IsRead()
    {
        var stats = new SandboxStats(
            new CgroupStats { Cpu = new CpuStats(1, 2, 3, 4, 5, 6), Io = [new IoStats(8, 0, 1, 2, 3, 4)], CpuPressure = new Pressure(new PressureLine(1, 2, 3, 4), null) },
            new CgroupLimits { MemoryLimit = 9 },
            new ProcessCounts(1, 2, 3, 4, null));
        var read = StatsJson.Read(StatsJson.Write(stats));
        Assert.Equal((stats.Usage.Cpu, stats.Usage.Io[0], stats.Usage.CpuPressure, 9L), (read.Usage.Cpu, read.Usage.Io[0], read.Usage.CpuPressure, read.Limits!.MemoryLimit));
        Assert.Equal(stats.Processes, read.Processes);
    }

    [Theory]
    [InlineData("""{"io":[null]}""")]
    [InlineData("""{"io":null}""")]
    [InlineData("""{"hugepages":[null]}""")]
    [InlineData("""{"ioPressure":{}}""")]
    [InlineData("""{"cpu":{}}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{")]
    public void WhatIsMissing_IsRefused(string usage)
    {
        var error = Assert.Throws<SandboxException>(() => StatsJson.Read(new StatsResponse { UsageJson = ByteString.CopyFromUtf8(usage) }));
        Assert.Equal(RpcCode.Internal, error.Code);
    }
}
