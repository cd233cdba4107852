using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Stats;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Stats;

public sealed class StatsTableTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void Containers_HaveRatesBetweenTheReadings()
    {
        var before = Reading(Container("a", 0, 10 * Second, 32 << 20, limit: 64 << 20));
        var now = Reading(Container("a", 2 * Second, 11 * Second, 32 << 20, limit: 64 << 20), Container("b", 2 * Second, Second, 1536, limit: null));
        Assert.Equal(
            """
            CONTAINER      NAME   POD           CPU %   MEMORY    LIMIT     MEM %   SWAP   DISK
            aaaaaaaaaaaa   app    default/web   50.00   32.0MiB   64.0MiB   50.00   0B     4.00KiB
            bbbbbbbbbbbb   app    default/web   -       1.50KiB   -         -       0B     4.00KiB

            """,
            StatsTable.Containers(before, now, id: null));
    }

    [Fact]
    public void ContainersThatDoNotRun_AreShownOnlyWhenNamed()
    {
        var ended = Container("a", 0, 0, 0, null);
        (ended.Cpu, ended.Memory, ended.Swap) = (null, null, null);
        var reading = Reading(ended, Container("b", 0, 0, 0, null));
        Assert.DoesNotContain("aaaa", StatsTable.Containers(reading, reading, id: null), StringComparison.Ordinal);
        var named = StatsTable.Containers(reading, reading, ended.Attributes.Id);
        Assert.Contains("aaaa", named, StringComparison.Ordinal);
        Assert.DoesNotContain("bbbb", named, StringComparison.Ordinal);
    }

    [Fact]
    public void Pods_HaveTheirNetworks()
    {
        var before = Reading(Container("a", 0, 0, 0, null));
        var now = Reading(Container("a", Second, 0, 0, null));
        now.Stats[0].Linux.Cpu.UsageCoreNanoSeconds.Value += Second / 4;
        now.Stats[0].Linux.Network = new NetworkUsage
        {
            DefaultInterface = new NetworkInterfaceUsage { Name = "eth0", RxBytes = new UInt64Value { Value = 2048 }, TxBytes = new UInt64Value { Value = 5 } },
        };
        Assert.Equal(
            """
            POD ID         POD           CPU %   MEMORY    THREADS   RECEIVED   SENT   CONTAINERS
            pppppppppppp   default/web   25.00   1.00KiB   3         2.00KiB    5B     1

            """,
            StatsTable.Pods(before, now));
    }

    [Theory]
    [InlineData(0, "0B")]
    [InlineData(1023, "1023B")]
    [InlineData(1024, "1.00KiB")]
    [InlineData(10 * 1024, "10.0KiB")]
    [InlineData(1000 * 1024, "1000KiB")]
    [InlineData(1L << 50, "1.00PiB")]
    [InlineData(long.MaxValue, "8192PiB")]
    public void Bytes_HaveThreeDigitsAndAUnit(long bytes, string text) => Assert.Equal(text, StatsTable.Bytes((ulong)bytes));

    private static ListPodSandboxStatsResponse Reading(params ContainerStats[] containers)
    {
        var linux = new LinuxPodSandboxStats
        {
            Cpu = new CpuUsage { Timestamp = containers[0].Cpu?.Timestamp ?? 1, UsageCoreNanoSeconds = new UInt64Value { Value = 7 } },
            Memory = new MemoryUsage { WorkingSetBytes = new UInt64Value { Value = 1024 } },
            Process = new ProcessUsage { ProcessCount = new UInt64Value { Value = 3 } },
        };
        linux.Containers.AddRange(containers);
        var attributes = new PodSandboxAttributes { Id = new string('p', 64), Metadata = new PodSandboxMetadata { Name = "web", Namespace = "default" } };
        return new ListPodSandboxStatsResponse { Stats = { new PodSandboxStats { Attributes = attributes, Linux = linux } } };
    }

    private static ContainerStats Container(string id, long timestamp, long usage, ulong memory, ulong? limit) => new()
    {
        Attributes = new ContainerAttributes { Id = new string(id[0], 64), Metadata = new ContainerMetadata { Name = "app" } },
        Cpu = new CpuUsage { Timestamp = timestamp, UsageCoreNanoSeconds = new UInt64Value { Value = (ulong)usage } },
        Memory = new MemoryUsage
        {
            WorkingSetBytes = new UInt64Value { Value = memory },
            AvailableBytes = limit is { } bytes ? new UInt64Value { Value = bytes - memory } : null,
        },
        Swap = new SwapUsage { SwapUsageBytes = new UInt64Value() },
        WritableLayer = new FilesystemUsage { UsedBytes = new UInt64Value { Value = 4096 } },
    };
}
