using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Prometheus;

namespace Crisp.CriServer.Monitoring;

/// <summary>What virtual machines cost the node, asked of their monitors when somebody reads the metrics.</summary>
internal sealed class VmMetrics
{
    // Monitors answer it at once, without their guests.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1);
    private readonly Node _node;
    private readonly Counter _exits;
    private readonly ExitTotals _totals = new();

    public VmMetrics(Node node, DaemonMetrics metrics)
    {
        _node = node;
        _exits = metrics.Factory.CreateCounter(
            "crisp_vm_exits_total", "How often processors of virtual machines left their guests, by reason (KVM_EXIT_*; interrupted: the monitor's own doing).", ["reason"]);
        metrics.BeforeReading(UpdateAsync);
    }

    private async Task UpdateAsync(CancellationToken cancellation)
    {
        var machines = _node.Index.All.Where(s => s.Record is { Stage: SandboxStage.Ready, Spec.Vm: not null }).ToList();
        var read = await Task.WhenAll(machines.Select(s => ReadAsync(s, cancellation)));
        foreach (var (reason, count) in _totals.Add([.. read.OfType<MachineExits>()], machines.Select(s => s.Id)))
        {
            _exits.WithLabels(reason).Inc(count);
        }
    }

    private static async Task<MachineExits?> ReadAsync(LiveSandbox sandbox, CancellationToken cancellation)
        => sandbox.Link is { } link
            && await link.TryAskAsync((client, token) => client.MachineExitsAsync(token), _patience, cancellation) is { } exits
            ? new MachineExits(sandbox.Id, exits, sandbox.IsRestored)
            : null;
}
