using System.Net.Sockets;
using Crisp.Cri.V1;
using Crisp.Install.Host;
using Grpc.Core;
using Grpc.Net.Client;

namespace Crisp.NodeAgent.Host;

/// <summary>A container runtime of the host, by CRI.</summary>
internal sealed class RuntimeClient : IDisposable
{
    private const string Scheme = "unix://";

    // Kubernetes's own default (terminationGracePeriodSeconds).
    private const int GraceSeconds = 30;
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(10);

    // The grace period and what a runtime and its network plugins need after it.
    private static readonly TimeSpan s_removal = TimeSpan.FromMinutes(2);
    private readonly GrpcChannel _channel;
    private readonly RuntimeService.RuntimeServiceClient _client;
    private readonly string _endpoint;

    /// <param name="root">Where the endpoint's socket is looked for.</param>
    /// <param name="endpoint">unix:///run/crisp/crisp.sock.</param>
    public RuntimeClient(HostRoot root, string endpoint)
    {
        _endpoint = endpoint;
        var path = root.Resolve(SocketPath(endpoint));
        var handler = new SocketsHttpHandler { ConnectCallback = (_, cancellation) => ConnectAsync(path, cancellation), UseProxy = false };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
        });
        _client = new RuntimeService.RuntimeServiceClient(_channel);
    }

    /// <summary>The path in an endpoint; what is no unix socket is none that a node's runtime has.</summary>
    public static string SocketPath(string endpoint) => endpoint.StartsWith(Scheme, StringComparison.Ordinal) ? endpoint[Scheme.Length..] : endpoint;

    /// <summary>Its name and version, such as "crisp 0.1.0"; null while it does not answer.</summary>
    public async Task<string?> VersionAsync(CancellationToken cancellation)
    {
        try
        {
            var version = await _client.VersionAsync(new VersionRequest(), deadline: DateTime.UtcNow + s_answer, cancellationToken: cancellation);
            return $"{version.RuntimeName} {version.RuntimeVersion}";
        }
        catch (RpcException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Stops and removes every pod that it has. Nobody will look after them once the kubelet speaks to another runtime.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="HostException">It does not answer, or a pod cannot be removed.</exception>
    public async Task<int> RemoveAllPodsAsync(CancellationToken cancellation)
    {
        try
        {
            // Containers first, with their stop signal and time to obey: StopPodSandbox kills.
            var containers = await _client.ListContainersAsync(
                new ListContainersRequest { Filter = new ContainerFilter { State = new ContainerStateValue { State = ContainerState.ContainerRunning } } },
                deadline: DateTime.UtcNow + s_removal,
                cancellationToken: cancellation);
            await Task.WhenAll(containers.Containers.Select(c => StopAsync(c.Id, cancellation)));
            var pods = await _client.ListPodSandboxAsync(
                new ListPodSandboxRequest(), deadline: DateTime.UtcNow + s_removal, cancellationToken: cancellation);
            await Task.WhenAll(pods.Items.Select(p => RemoveAsync(p.Id, cancellation)));
            return pods.Items.Count;
        }
        catch (RpcException e) when (!cancellation.IsCancellationRequested)
        {
            throw new HostException($"The pods of the runtime at {_endpoint} cannot be removed: {e.Status.StatusCode}, {e.Status.Detail}", e);
        }
    }

    public void Dispose() => _channel.Dispose();

    private async Task StopAsync(string container, CancellationToken cancellation) => await _client.StopContainerAsync(
        new StopContainerRequest { ContainerId = container, Timeout = GraceSeconds }, deadline: DateTime.UtcNow + s_removal, cancellationToken: cancellation);

    private async Task RemoveAsync(string pod, CancellationToken cancellation)
    {
        await _client.StopPodSandboxAsync(
            new StopPodSandboxRequest { PodSandboxId = pod }, deadline: DateTime.UtcNow + s_removal, cancellationToken: cancellation);
        await _client.RemovePodSandboxAsync(
            new RemovePodSandboxRequest { PodSandboxId = pod }, deadline: DateTime.UtcNow + s_removal, cancellationToken: cancellation);
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
