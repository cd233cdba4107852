using Crisp.Cri.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Crisp.NodeAgent.Tests.Host;

/// <summary>A container runtime that answers Version and forgets its pods when it is told to, on a unix socket.</summary>
internal sealed class TestRuntime : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _socket;

    private TestRuntime(WebApplication app, string socket, Service service)
    {
        _app = app;
        _socket = socket;
        Calls = service.Calls;
        Pods = service.Pods;
    }

    public List<string> Calls { get; }

    /// <summary>Ids of its sandboxes; a container of the same id runs in each.</summary>
    public List<string> Pods { get; }

    public static async Task<TestRuntime> StartAsync(string name, string socket)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!);
        File.Delete(socket);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.ListenUnixSocket(socket, l => l.Protocols = HttpProtocols.Http2));
        var service = new Service(name);
        builder.Services.AddRouting().AddSingleton(service).AddGrpc();
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new TestRuntime(app, socket, service);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        File.Delete(_socket);
    }

    internal sealed class Service(string name) : RuntimeService.RuntimeServiceBase
    {
        public List<string> Calls { get; } = [];

        public List<string> Pods { get; } = ["pod-1", "pod-2"];

        public override Task<VersionResponse> Version(VersionRequest request, ServerCallContext context) =>
            Task.FromResult(new VersionResponse { Version = "0.1.0", RuntimeName = name, RuntimeVersion = "1", RuntimeApiVersion = "v1" });

        public override Task<ListContainersResponse> ListContainers(ListContainersRequest request, ServerCallContext context)
        {
            lock (Calls)
            {
                return Task.FromResult(new ListContainersResponse { Containers = { Pods.Select(p => new Container { Id = p, PodSandboxId = p }) } });
            }
        }

        public override Task<StopContainerResponse> StopContainer(StopContainerRequest request, ServerCallContext context)
        {
            Note($"stop container {request.ContainerId} {request.Timeout}");
            return Task.FromResult(new StopContainerResponse());
        }

        public override Task<ListPodSandboxResponse> ListPodSandbox(ListPodSandboxRequest request, ServerCallContext context)
        {
            lock (Calls)
            {
                return Task.FromResult(new ListPodSandboxResponse { Items = { Pods.Select(p => new PodSandbox { Id = p }) } });
            }
        }

        public override Task<StopPodSandboxResponse> StopPodSandbox(StopPodSandboxRequest request, ServerCallContext context)
        {
            Note($"stop {request.PodSandboxId}");
            return Task.FromResult(new StopPodSandboxResponse());
        }

        public override Task<RemovePodSandboxResponse> RemovePodSandbox(RemovePodSandboxRequest request, ServerCallContext context)
        {
            Note($"remove {request.PodSandboxId}");
            lock (Calls)
            {
                Pods.Remove(request.PodSandboxId);
            }

            return Task.FromResult(new RemovePodSandboxResponse());
        }

        private void Note(string call)
        {
            lock (Calls)
            {
                Calls.Add(call);
            }
        }
    }
}
