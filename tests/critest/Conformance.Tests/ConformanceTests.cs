using Crisp.Conformance.Tests.Lies;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>
/// A group of CRI's rules, each a test. A rule that a runtime older than itself does not know is skipped with a reason there;
/// of this checkout's crisp nothing is skipped.
/// </summary>
public abstract class ConformanceTests(Endpoint endpoint) : IAsyncLifetime
{
    private Cri? _cri;

    /// <summary>Stands between the test and the runtime when a rule must be seen to fail.</summary>
    internal Lie? Lie { get; set; }

    internal Cri Cri => _cri ??= Connect();

    protected Endpoint Endpoint => endpoint;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_cri is null)
        {
            return;
        }

        // By the way of truth: a lie must leave nothing on the node.
        var runtime = endpoint.Connect().Runtime;
        foreach (var pod in (await runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items)
        {
            if (pod.Metadata.Namespace == $"conformance-{_cri.Id}")
            {
                await runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod.Id });
                await runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod.Id });
            }
        }
    }

    /// <summary>What CRI has only had since a version: another runtime may be older.</summary>
    protected async Task<T> NewInApi<T>(string version, Func<Task<T>> call)
    {
        ArgumentNullException.ThrowIfNull(call);
        try
        {
            return await call();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented && endpoint.IsExternal)
        {
            Assert.Skip($"CRI has this since {version}, and the runtime does not: {e.Status.Detail}");
            throw;
        }
    }

    private Cri Connect()
    {
        endpoint.Require();
        return endpoint.Connect(Lie);
    }
}
