namespace Crisp.Linux;

/// <summary>What went through one network interface since it was made (rtnl_link_stats64 of linux/if_link.h).</summary>
public sealed record LinkCounters
{
    /// <summary>eth0, lo.</summary>
    public required string Name { get; init; }

    public required bool IsLoopback { get; init; }

    public required ulong ReceivedPackets { get; init; }

    public required ulong SentPackets { get; init; }

    public required ulong ReceivedBytes { get; init; }

    public required ulong SentBytes { get; init; }

    public required ulong ReceiveErrors { get; init; }

    public required ulong SendErrors { get; init; }

    public required ulong ReceiveDropped { get; init; }

    public required ulong SendDropped { get; init; }
}
