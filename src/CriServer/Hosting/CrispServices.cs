using Crisp.CriServer.Configuration;
using Crisp.CriServer.Images;
using Crisp.CriServer.Monitoring;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.Stats;
using Crisp.CriServer.Streaming;
using Crisp.Images;

namespace Crisp.CriServer.Hosting;

/// <summary>What the daemon consists of, in one list.</summary>
internal static class CrispServices
{
    // The kubelet and crictl take 16 MiB; a request beyond it is an attack or a mistake.
    private const int LargestRequest = 16 << 20;

    public static IServiceCollection AddCrisp(this IServiceCollection services, CrispConfig config)
    {
        var live = new LiveConfig(config);
        services.AddSingleton(config);
        services.AddSingleton(live);
        services.AddSingleton(TimeProvider.System);
        services.AddLogging(logging => logging
            .AddFilter((category, level) => level >= LeastOf(category, live.Current.LogLevel))
            .Services.AddSingleton<ILoggerProvider>(provider => new LineLoggerProvider(
                config.LogFormat, provider.GetRequiredService<TimeProvider>(), Console.OpenStandardError())));
        services.Configure<HostOptions>(host => host.ShutdownTimeout = config.ShutdownTimeout);
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = LargestRequest;
            // ExecSync answers with up to 16 MiB of each stream.
            grpc.MaxSendMessageSize = null;
            grpc.Interceptors.Add<CallInterceptor>();
        });
        services.AddSingleton<CallInterceptor>();
        services.AddSingleton<RuntimeHandlers>();
        services.AddSingleton(_ => ImageStore.Open(Path.Combine(config.Root, "images")));
        services.AddSingleton(provider => new Node(
            config,
            provider.GetRequiredService<ImageStore>(),
            provider.GetRequiredService<RuntimeHandlers>(),
            provider.GetRequiredService<ILogger<Node>>()));
        services.AddSingleton<StatsReader>();
        services.AddSingleton(provider => new ImagePuller(
            provider.GetRequiredService<ImageStore>(), () => live.Current.Registry, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<DaemonMetrics>();
        services.AddSingleton<StateMetrics>();
        services.AddSingleton<ProcessMetrics>();
        services.AddSingleton<VmMetrics>();
        services.AddSingleton<ImageMetrics>();
        services.AddSingleton<StreamingServer>();
        services.AddSingleton(provider => new RuntimeServer(
            live, provider.GetRequiredService<Node>(), provider.GetRequiredService<StatsReader>(), provider.GetRequiredService<StreamingServer>()));
        services.AddSingleton<ImageServer>();
        services.AddHostedService<HeapTrim>();
        services.AddSingleton<ImageImportServer>();
        services.AddSingleton<ImagePullServer>();
        return services;
    }

    /// <summary>The web server's own lines are for those who debug it.</summary>
    private static LogLevel LeastOf(string? category, LogLevel level)
    {
        var isOurs = category is null
            || !(category.StartsWith("Microsoft", StringComparison.Ordinal) || category.StartsWith("Grpc", StringComparison.Ordinal));
        return isOurs ? level : level <= LogLevel.Debug ? LogLevel.Information : LogLevel.Warning;
    }
}
