using System.Text.Json;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Google.Protobuf;

namespace Crisp.Sandbox.Client;

public sealed partial class SandboxClient
{
    /// <summary>Makes the pod's namespaces; a repetition with the same specification answers the same.</summary>
    public async Task<NamespaceInfo> StartAsync(SandboxSpec spec, CancellationToken cancellationToken = default)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(spec, SpecJson.Default.SandboxSpec);
        var request = new StartSandboxRequest { SpecJson = ByteString.CopyFrom(json) };
        var response = await _connection.CallAsync(
            "Start", request, StartSandboxResponse.Parser, _options.OperationTimeout, cancellationToken).ConfigureAwait(false);
        return response.Namespaces;
    }

    /// <summary>Starts the pod's virtual machine, after its network namespace has got its network; a repetition answers the same.</summary>
    /// <exception cref="SandboxException">FAILED_PRECONDITION: the pod is none, its process too old, or the machine cannot be made.</exception>
    public async Task BootAsync(CancellationToken cancellationToken = default)
    {
        Require(ProtocolVersion.VmFeature, "make virtual machines");
        await _connection.CallAsync("Boot", new BootRequest(), BootResponse.Parser, _options.OperationTimeout, cancellationToken).ConfigureAwait(false);
    }

    public Task<StateResponse> StateAsync(CancellationToken cancellationToken = default)
        => _connection.CallAsync("State", new StateRequest(), StateResponse.Parser, _options.CallTimeout, cancellationToken);

    /// <summary>Kills every process of the pod and removes its cgroups; the pod's process ends after the answer.</summary>
    public Task ShutdownAsync(CancellationToken cancellationToken = default)
        => _connection.CallAsync("Shutdown", new ShutdownRequest(), ShutdownResponse.Parser, _options.OperationTimeout, cancellationToken);

    /// <summary>Waits, as long as it takes, for events after the given sequence number.</summary>
    public async Task<IReadOnlyList<Event>> EventsAsync(ulong afterSequence, CancellationToken cancellationToken = default)
    {
        var request = new EventsRequest { AfterSequence = afterSequence };
        var response = await _connection.CallAsync(
            "Events", request, EventsResponse.Parser, timeout: null, cancellationToken).ConfigureAwait(false);
        return response.Events;
    }
}
