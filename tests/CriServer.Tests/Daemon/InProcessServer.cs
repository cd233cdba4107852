using System.Net.Sockets;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Monitoring;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Streaming;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crisp.CriServer.Tests.Daemon;

/// <summary>The daemon's server within the test, over a real socket, so that a test can change records as pods would.</summary>
internal sealed class InProcessServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory;
    private readonly Socket _socket;
    private readonly List<GrpcChannel> _channels = [];

    private InProcessServer(TemporaryDirectory directory, Socket socket, WebApplication app, Socket? metrics)
    {
        MetricsUrl = metrics is null ? null : new Uri($"http://{metrics.LocalEndPoint}");
        _directory = directory;
        _socket = socket;
        App = app;
    }

    public WebApplication App { get; }

    /// <summary>Null without metrics.</summary>
    public Uri? MetricsUrl { get; }

    public Node Node => App.Services.GetRequiredService<Node>();

    public static async Task<InProcessServer> StartAsync(Func<CrispConfig, CrispConfig>? change = null)
    {
        var directory = new TemporaryDirectory();
        var config = new CrispConfig { Root = directory.Combine("root"), Run = directory.Combine("run"), LogLevel = LogLevel.None };
        config = change?.Invoke(config) ?? config;
        Directory.CreateDirectory(config.Root);
        Directory.CreateDirectory(config.Run);
        var socket = ListeningSocket.Bind(config.SocketPath);
        var metrics = config.MetricsAddress is { } address ? MetricsEndpoint.Bind(address) : null;
        var app = Hosting.Daemon.Build(config, new ListeningSockets(socket, StreamingEndpoint.Bind(config.StreamingAddress), metrics));
        app.Lifetime.ApplicationStopping.Register(app.Services.GetRequiredService<Node>().Events.Close);
        await app.StartAsync();
        return new InProcessServer(directory, socket, app, metrics);
    }

    /// <summary>A client with a connection of its own.</summary>
    public RuntimeService.RuntimeServiceClient Connect() => new(Open());

    /// <summary>A connection, closed with this.</summary>
    public GrpcChannel Open()
    {
        var channel = DaemonChannel.Open(App.Services.GetRequiredService<CrispConfig>().SocketPath);
        _channels.Add(channel);
        return channel;
    }

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(c => c.Dispose());
        await App.StopAsync();
        await App.DisposeAsync();
        _socket.Dispose();
        _directory.Dispose();
    }
}
