using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Prometheus;

namespace Crisp.CriServer.Monitoring;

/// <summary>Gauges of what is on the node now, taken when somebody reads them.</summary>
internal sealed class StateMetrics
{
    private readonly Node _node;
    private readonly Gauge _sandboxes;
    private readonly Gauge _containers;
    private readonly Gauge _subscribers;

    public StateMetrics(Node node, DaemonMetrics metrics)
    {
        _node = node;
        _sandboxes = metrics.Factory.CreateGauge("crisp_sandboxes", "Pods, by runtime handler and state.", ["handler", "state"]);
        _containers = metrics.Factory.CreateGauge("crisp_containers", "Containers, by their pod's runtime handler and state.", ["handler", "state"]);
        _subscribers = metrics.Factory.CreateGauge("crisp_event_subscribers", "Clients that listen to container events.");
        metrics.BeforeReading(Update);
    }

    private void Update()
    {
        var sandboxes = _node.Index.All.Select(s => s.Record).ToList();
        var handlers = sandboxes.ToDictionary(r => r.Id, r => Name(r.RuntimeHandler));
        var known = _node.Handlers.Names.Select(Name).Concat(handlers.Values).Distinct().ToList();
        Set(_sandboxes, known, Enum.GetValues<SandboxStage>(), sandboxes.Select(r => (Name(r.RuntimeHandler), r.Stage)));
        Set(
            _containers,
            known,
            Enum.GetValues<ContainerStage>(),
            _node.Index.Containers.Select(c => (handlers.GetValueOrDefault(c.Record.SandboxId, Name("")), c.Record.Stage)));
        _subscribers.Set(_node.Events.Subscribers);
    }

    // Also 0 for what there is none of: a series that comes and goes cannot be alerted on.
    private static void Set<TStage>(Gauge gauge, List<string> handlers, TStage[] stages, IEnumerable<(string Handler, TStage Stage)> found)
        where TStage : struct, Enum
    {
        var counts = found.CountBy(f => f).ToDictionary();
        foreach (var handler in handlers)
        {
            foreach (var stage in stages)
            {
                gauge.WithLabels(handler, stage.ToString()).Set(counts.GetValueOrDefault((handler, stage)));
            }
        }
    }

    // The default handler has no name in CRI.
    private static string Name(string handler) => handler.Length == 0 ? "crisp" : handler;
}
