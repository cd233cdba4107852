using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.CriServer.Stats;
using Crisp.CriServer.Stats.Metrics;
using Crisp.CriServer.Streaming;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

/// <summary>
/// CRI's RuntimeService, one file for each RPC. A call that has no file here answers UNIMPLEMENTED, with the interceptor's
/// sentence.
/// </summary>
public sealed partial class RuntimeServer : RuntimeService.RuntimeServiceBase
{
    private readonly LiveConfig _config;
    private readonly Node _node;
    private readonly StatsReader _stats;
    private readonly MetricsReader _metrics;
    private readonly StreamingServer _streaming;

    internal RuntimeServer(LiveConfig config, Node node, StatsReader stats, StreamingServer streaming)
    {
        _config = config;
        _node = node;
        _stats = stats;
        _metrics = new MetricsReader(stats);
        _streaming = streaming;
    }

    /// <summary>
    /// Runs work that a client's deadline must not leave half done: the caller stops waiting, the work goes on.
    /// </summary>
    private static Task ToTheEnd(Func<Task> work, ServerCallContext context)
        => Task.Run(work, CancellationToken.None).WaitAsync(context.CancellationToken);

    private LiveContainer FindContainer(string id)
        => _node.Index.FindContainer(id) ?? throw CriException.NotFound($"There is no container {id}.");

    /// <exception cref="CriException">NOT_FOUND, or FAILED_PRECONDITION when it does not run.</exception>
    private LiveContainer FindRunning(string id)
    {
        var container = FindContainer(id);
        return container.Record.Stage == ContainerStage.Running
            ? container
            : throw CriException.Precondition($"The container {container.Id} is not running, so that nothing can be executed in it or attached to it.");
    }

    /// <summary>The process of the container's pod.</summary>
    private SandboxLink LinkOf(LiveContainer container) => _node.Index.SandboxOf(container)?.Link
        ?? throw CriException.Precondition($"The pod of the container {container.Id} is not ready.");
}
