using System.Net;
using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting.Service;
using Crisp.CriServer.Images;
using Crisp.CriServer.Monitoring;
using Crisp.CriServer.Restart;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Streaming;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Crisp.CriServer.Hosting;

/// <summary><c>crisp serve</c>: from a configuration to a daemon that answers on its socket, until SIGTERM.</summary>
internal static partial class Daemon
{
    private const int RequestBuffer = 64 << 10;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <param name="readAgain">Reads what the daemon would be started with now; called at SIGHUP.</param>
    /// <exception cref="StartException">The cgroup driver, the directories, the lock or the socket cannot be had.</exception>
    public static async Task RunAsync(CrispConfig config, Func<CrispConfig> readAgain, CancellationToken cancellation)
    {
        CheckDriver(config);
        MakeDirectory(config.Root);
        MakeDirectory(config.Run);
        CheckLayerSize(config);
        using var rootLock = RootLock.TryAcquire(config.Root, out var owner)
            ?? throw new StartException(
                $"Another crisp (process {owner}) works on {config.Root}. Stop it, or choose another directory with --root.");

        using var socket = ListeningSocket.Bind(config.SocketPath);
        using var metrics = config.MetricsAddress is { } address ? MetricsEndpoint.Bind(address) : null;
        using var streaming = StreamingEndpoint.Bind(config.StreamingAddress);
        await using var app = Build(config, new ListeningSockets(socket, streaming, metrics));
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger(nameof(Daemon));
        using var notifier = ServiceNotifier.FromEnvironment(logger);
        using var reload = new ConfigReload(app.Services.GetRequiredService<LiveConfig>(), readAgain, logger);
        var node = app.Services.GetRequiredService<Node>();
        using var stopping = app.Lifetime.ApplicationStopping.Register(node.Events.Close);

        // Nothing is served before records and node agree: an answer from half of them would be a lie.
        await new Reconciler(node).RunAsync();
        _ = node.Network.CollectGarbageAsync();
        await app.StartAsync(cancellation);
        Log.Listening(logger, config.SocketPath, config.Root, CrispVersion.Text);
        var watchdog = BeginService(notifier, config, logger, app.Lifetime.ApplicationStopping);
        reload.TellTo(notifier);
        await app.WaitForShutdownAsync(cancellation);
        await watchdog;
        File.Delete(config.SocketPath);
        Log.Stopped(logger);
    }

    internal static WebApplication Build(CrispConfig config, ListeningSockets sockets)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "crisp" });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, config, sockets));
        builder.WebHost.UseSockets(transport => transport.CreateBoundListenSocket = sockets.Of);
        builder.Services.AddCrisp(config);
        Tracing.AddTo(builder);
        var app = builder.Build();
        StreamingEndpoint.Map(app, (IPEndPoint)sockets.Streaming.LocalEndPoint!);
        if (sockets.Metrics is not null)
        {
            MetricsEndpoint.Map(app);
        }

        app.MapGrpcService<RuntimeServer>();
        app.MapGrpcService<ImageServer>();
        app.MapGrpcService<ImageImportServer>();
        app.MapGrpcService<ImagePullServer>();
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, CrispConfig config, ListeningSockets sockets)
    {
        kestrel.AddServerHeader = false;
        // Event streams are silent for hours.
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxRequestBodySize = null;
        // What a streaming client has sent and its command has not read waits in memory, for each session.
        kestrel.Limits.MaxRequestBufferSize = RequestBuffer;
        kestrel.ListenUnixSocket(config.SocketPath, listen => listen.Protocols = HttpProtocols.Http2);
        StreamingEndpoint.Listen(kestrel, (IPEndPoint)sockets.Streaming.LocalEndPoint!);
        if (sockets.Metrics is { } metrics)
        {
            MetricsEndpoint.Listen(kestrel, (IPEndPoint)metrics.LocalEndPoint!);
        }
    }

    /// <summary>What the service manager is told from now on until the daemon stops.</summary>
    private static Task BeginService(ServiceNotifier? notifier, CrispConfig config, ILogger logger, CancellationToken stopping)
    {
        if (notifier is null)
        {
            return Task.CompletedTask;
        }

        notifier.Ready();
        stopping.Register(notifier.Stopping);
        return notifier.Watchdog is { } watchdog
            ? new WatchdogLoop(notifier, watchdog, config.SocketPath, logger).RunAsync(stopping)
            : Task.CompletedTask;
    }

    /// <summary>Refuses at the start what would else fail every pod.</summary>
    private static void CheckDriver(CrispConfig config)
    {
        if (config.CgroupDriver != CgroupDriver.Systemd)
        {
            return;
        }

        if (SystemdUnits.Problem is { } problem)
        {
            throw new StartException(problem);
        }

        try
        {
            SliceName.Parse(config.CgroupParent);
        }
        catch (ArgumentException e)
        {
            throw new StartException($"cgroup_parent must be a slice with the systemd cgroup driver: {e.Message}", e);
        }
    }

    /// <summary>Refuses at the start what would else fail every container.</summary>
    private static void CheckLayerSize(CrispConfig config)
    {
        if (config.WritableLayerSize is not null && LayerQuotas.ProblemOf(config.Root) is { } problem)
        {
            throw new StartException($"containers.writable_layer_size is set in the configuration, but {problem}. Or take the option out.");
        }
    }

    /// <summary>The directory with mode 0700: what others may traverse they can read one day (CVE-2024-25621).</summary>
    private static void MakeDirectory(string path)
    {
        try
        {
            Directory.CreateDirectory(path, OwnerOnly);
            File.SetUnixFileMode(path, OwnerOnly);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"Cannot make the directory {path}: {error.Message} crisp serve must run as root.", error);
        }
    }
}
