using System.CommandLine;
using k8s;

namespace Crisp.NodeAgent.CommandLine;

/// <summary><c>crisp-node-agent run</c>: the DaemonSet's pod.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var settings = new AgentSettings();
        var command = new Command("run", "Keep one node as its label crisp.dev/runtime wants it, until SIGTERM.");
        settings.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            var options = settings.Read(parsed);
            await using var app = AgentHost.Build(options, KubernetesClientConfiguration.InClusterConfig());
            await app.StartAsync(cancellation);
            await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await app.StopAsync(CancellationToken.None);
            return 0;
        });
        return command;
    }
}
