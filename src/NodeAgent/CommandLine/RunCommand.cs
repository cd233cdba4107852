using System.CommandLine;

namespace Crisp.NodeAgent.CommandLine;

/// <summary><c>crisp-node-agent run</c>: the DaemonSet's pod.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var settings = new AgentSettings();
        var command = new Command("run", "Keep one node as its label crisp.dev/runtime wants it, until SIGTERM.");
        settings.AddTo(command);
        var access = new ClusterAccess();
        access.AddTo(command);
        command.SetRun(async (parsed, cancellation) =>
        {
            var options = settings.Read(parsed);
            await using var app = AgentHost.Build(options, access.Read(parsed));
            await app.StartAsync(cancellation);

            // It ends by itself when something in it has failed that nobody foresaw; then the kubelet starts it anew.
            await app.WaitForShutdownAsync(cancellation);
            return cancellation.IsCancellationRequested ? 0 : 1;
        });
        return command;
    }
}
