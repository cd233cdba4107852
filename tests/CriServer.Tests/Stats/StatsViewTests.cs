using Crisp.Cgroups;
using Crisp.CriServer.Stats;
using Crisp.CriServer.Tests.State;
using Crisp.Linux;
using Xunit;

namespace Crisp.CriServer.Tests.Stats;

public sealed class StatsViewTests
{
    private static readonly MemoryStats _memory = new()
    {
        Usage = 1000,
        WorkingSet = 600,
        Rss = 300,
        Cache = 50,
        PageFaults = 7,
        MajorPageFaults = 2,
        Swap = 40,
    };

    [Fact]
    public void Memory_IsAvailableOnlyWithALimit()
    {
        var free = StatsView.Memory(new CgroupStats { Memory = _memory }, 5)!;
        Assert.Equal((5L, 600UL, 1000UL, 300UL, 7UL, 2UL), (free.Timestamp, free.WorkingSetBytes.Value, free.UsageBytes.Value, free.RssBytes.Value, free.PageFaults.Value, free.MajorPageFaults.Value));
        Assert.Null(free.AvailableBytes);
        Assert.Equal(400UL, StatsView.Memory(new CgroupStats { Memory = _memory with { Limit = 1000 } }, 5)!.AvailableBytes.Value);
        Assert.Equal(0UL, StatsView.Memory(new CgroupStats { Memory = _memory with { Limit = 500 } }, 5)!.AvailableBytes.Value);
    }

    [Fact]
    public void Swap_IsAvailableOnlyWithALimit()
    {
        var free = StatsView.Swap(new CgroupStats { Memory = _memory }, 5)!;
        Assert.Equal(40UL, free.SwapUsageBytes.Value);
        Assert.Null(free.SwapAvailableBytes);
        Assert.Equal(60UL, StatsView.Swap(new CgroupStats { Memory = _memory with { SwapLimit = 100 } }, 5)!.SwapAvailableBytes.Value);
    }

    [Fact]
    public void WhatTheMachineDoesNotTell_IsAbsent()
    {
        var nothing = new CgroupStats();
        Assert.Null(StatsView.Cpu(nothing, 1, 5));
        Assert.Null(StatsView.Memory(nothing, 5));
        Assert.Null(StatsView.Swap(nothing, 5));
        Assert.Null(StatsView.Io(nothing, 5));
        Assert.Null(StatsView.Processes(nothing, 5));
        Assert.Null(StatsView.Network(null, 5));
        Assert.Null(StatsView.Layer(null, "/"));
        var cpu = StatsView.Cpu(new CgroupStats { Cpu = new CpuStats(9, 0, 0, 0, 0, 0) }, null, 5)!;
        Assert.Equal(9UL, cpu.UsageCoreNanoSeconds.Value);
        Assert.Null(cpu.UsageNanoCores);
        Assert.Null(cpu.Psi);
    }

    [Fact]
    public void Pressure_IsSomeAndFull()
    {
        var pressure = new Pressure(new PressureLine(1, 2, 3, 4), new PressureLine(5, 6, 7, 8));
        var stats = new CgroupStats { Cpu = new CpuStats(9, 0, 0, 0, 0, 0), CpuPressure = pressure with { Full = null }, Memory = _memory, MemoryPressure = pressure, IoPressure = pressure };
        var cpu = StatsView.Cpu(stats, 3, 5)!;
        Assert.Equal((1d, 2d, 3d, 4UL), (cpu.Psi.Some.Avg10, cpu.Psi.Some.Avg60, cpu.Psi.Some.Avg300, cpu.Psi.Some.Total));
        Assert.Null(cpu.Psi.Full);
        Assert.Equal(8UL, StatsView.Memory(stats, 5)!.Psi.Full.Total);
        Assert.Equal((5L, 8UL), (StatsView.Io(stats, 5)!.Timestamp, StatsView.Io(stats, 5)!.Psi.Full.Total));
    }

    [Fact]
    public void Network_DefaultIsEth0WhereverItStands()
    {
        var network = StatsView.Network([Link("lo"), Link("net1"), Link("eth0"), Link("net2")], 5)!;
        Assert.Equal("eth0", network.DefaultInterface.Name);
        Assert.Equal((1UL, 2UL, 3UL, 4UL), (network.DefaultInterface.RxBytes.Value, network.DefaultInterface.TxBytes.Value, network.DefaultInterface.RxErrors.Value, network.DefaultInterface.TxErrors.Value));
        Assert.Equal(["net1", "net2"], network.Interfaces.Select(i => i.Name));
    }

    [Fact]
    public void Network_WithoutEth0HasTheFirstAsDefault()
    {
        Assert.Equal("net1", StatsView.Network([Link("lo"), Link("net1")], 5)!.DefaultInterface.Name);
        Assert.Null(StatsView.Network([Link("lo")], 5)!.DefaultInterface);
    }

    [Fact]
    public void Attributes_AreTheRecords()
    {
        var sandbox = Records.Sandbox();
        var pod = StatsView.Attributes(sandbox);
        Assert.Equal((sandbox.Id, "pod", "uid", "default", 2u), (pod.Id, pod.Metadata.Name, pod.Metadata.Uid, pod.Metadata.Namespace, pod.Metadata.Attempt));
        Assert.Equal(sandbox.Labels, pod.Labels.ToDictionary());
        Assert.Equal(sandbox.Annotations, pod.Annotations.ToDictionary());
        var record = Records.Container(sandbox.Id);
        var container = StatsView.Attributes(record);
        Assert.Equal((record.Id, "app", 1u, "b"), (container.Id, container.Metadata.Name, container.Metadata.Attempt, container.Labels["a"]));
    }

    private static LinkCounters Link(string name) => new()
    {
        Name = name,
        IsLoopback = name == "lo",
        ReceivedBytes = 1,
        SentBytes = 2,
        ReceiveErrors = 3,
        SendErrors = 4,
        ReceivedPackets = 5,
        SentPackets = 6,
        ReceiveDropped = 7,
        SendDropped = 8,
    };
}
