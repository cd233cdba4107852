using System.Net;
using Crisp.CriServer.Hosting;
using Crisp.NodeAgent.Configuration;
using Crisp.Install.Host;
using Crisp.NodeAgent.Host;
using Crisp.NodeAgent.Kubernetes;
using Crisp.NodeAgent.Monitoring;
using Crisp.NodeAgent.Reconciling;
using Crisp.NodeAgent.Switching;
using k8s;

namespace Crisp.NodeAgent;

/// <summary>Puts the agent together.</summary>
internal static class AgentHost
{
    /// <param name="commands">Runs the host's programs; null for the host itself.</param>
    public static WebApplication Build(AgentOptions options, KubernetesClientConfiguration configuration, IHostCommands? commands = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPEndPoint.Parse(options.Listen)));
        builder.Logging.AddProvider(new LineLoggerProvider(options.LogFormat, TimeProvider.System, Console.OpenStandardError()));
        // Of the libraries what an operator may have to act on.
        builder.Logging.SetMinimumLevel(options.LogLevel).AddFilter("Microsoft", LogLevel.Warning);
        var services = builder.Services;
        services.AddSingleton(TimeProvider.System).AddSingleton(options).AddSingleton<AgentMetrics>().AddSingleton<WakeUp>();
        services.AddSingleton(new HostRoot(options.HostRoot)).AddSingleton<SwitchStore>();
        services.AddSingleton(commands ?? new HostCommands(options.HostRoot)).AddSingleton<HostSystemd>();
        services.AddSingleton(s => new Cluster(configuration, options.RetryDelay, TimeProvider.System, s.GetRequiredService<AgentMetrics>().Called));
        services.AddSingleton(s => new NodeEvents(s.GetRequiredService<Cluster>(), options.NodeName, TimeProvider.System, Logger<NodeEvents>(s)));
        services.AddSingleton(s => new SwitchLease(s.GetRequiredService<Cluster>(), options.Namespace, options.LeaseName, options.NodeName, TimeProvider.System));
        services.AddSingleton(s => new NodeInstallation(
            s.GetRequiredService<HostRoot>(), s.GetRequiredService<IHostCommands>(), options.Programs, options.ConfigFile, options.Endpoint,
            options.ReadyPatience, TimeProvider.System, Logger<NodeInstallation>(s)));
        services.AddSingleton<NodeSwitch>().AddSingleton<NodeReconciler>();
        services.AddHostedService<NodeWatcher>().AddHostedService<AgentLoop>();
        var app = builder.Build();
        var reconciler = app.Services.GetRequiredService<NodeReconciler>();
        AgentEndpoint.Map(app, app.Services.GetRequiredService<AgentMetrics>(), () => reconciler.IsReady);
        return app;
    }

    private static ILogger<T> Logger<T>(IServiceProvider services) => services.GetRequiredService<ILogger<T>>();
}
