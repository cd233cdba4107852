using Crisp.CriServer.Hosting;
using Prometheus;

namespace Crisp.NodeAgent.Monitoring;

/// <summary>What the agent counts, for Prometheus.</summary>
internal sealed class AgentMetrics
{
    private readonly CollectorRegistry _registry = global::Prometheus.Metrics.NewCustomRegistry();
    private readonly Counter _reconciliations;
    private readonly Counter _calls;
    private readonly Gauge _phase;
    private readonly Gauge _ready;
    private readonly Gauge _success;
    private string? _lastPhase;

    public AgentMetrics()
    {
        var factory = global::Prometheus.Metrics.WithCustomRegistry(_registry);
        _reconciliations = factory.CreateCounter(
            "crisp_node_agent_reconciliations_total", "Times that the node was looked at, by outcome: ok or error.", ["outcome"]);
        _calls = factory.CreateCounter(
            "crisp_node_agent_api_calls_total", "Attempts at the API server, by verb with resource and by outcome: ok, an HTTP status, or error.", ["call", "outcome"]);
        _phase = factory.CreateGauge("crisp_node_agent_phase", "1 for what the agent is doing.", ["phase"]);
        _ready = factory.CreateGauge("crisp_node_agent_ready", "Whether this agent's crisp is installed and answers.");
        _success = factory.CreateGauge("crisp_node_agent_last_success_timestamp_seconds", "When the node was last found or made as it should be.");
        factory.CreateGauge("crisp_node_agent_build_info", "1, with the version of this agent.", ["version"]).WithLabels(CrispVersion.Text).Set(1);
    }

    public void Reconciled(bool isOk, DateTimeOffset now)
    {
        _reconciliations.WithLabels(isOk ? "ok" : "error").Inc();
        if (isOk)
        {
            _success.Set(now.ToUnixTimeMilliseconds() / 1e3);
        }
    }

    public void Called(string call, string outcome) => _calls.WithLabels(call, outcome).Inc();

    public void Phase(string phase)
    {
        if (_lastPhase is { } last && last != phase)
        {
            _phase.WithLabels(last).Set(0);
        }

        _lastPhase = phase;
        _phase.WithLabels(phase).Set(1);
    }

    public void Ready(bool isReady) => _ready.Set(isReady ? 1 : 0);

    /// <summary>All metrics in Prometheus's text format.</summary>
    public Task WriteAsync(Stream stream, CancellationToken cancellation) => _registry.CollectAndExportAsTextAsync(stream, cancellation);
}
