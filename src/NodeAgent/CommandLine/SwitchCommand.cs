using System.CommandLine;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.Install.Host;
using Crisp.NodeAgent.Switching;

namespace Crisp.NodeAgent.CommandLine;

/// <summary><c>crisp-node-agent switch</c>: carries out the switch that the agent has recorded; a service of the host.</summary>
internal static class SwitchCommand
{
    public static Command Create()
    {
        var command = new Command("switch", "Switch this host's kubelet as recorded in " + SwitchStore.Directory + ", or go on with it. For systemd, not for people.");
        command.SetRun(async (_, cancellation) =>
        {
            var root = new HostRoot("/");
            var store = new SwitchStore(root);
            if (store.Load() is not { HasEnded: false } record)
            {
                return 0;
            }

            using var loggers = LoggerFactory.Create(l => l.AddProvider(new LineLoggerProvider(LogFormat.Text, TimeProvider.System, Console.OpenStandardError())));
            var systemd = new HostSystemd(new HostCommands(root.Path));
            using var host = new SwitchHost(root, systemd, store);
            await new SwitchRun(host, TimeProvider.System, loggers.CreateLogger<SwitchRun>()).RunAsync(record, cancellation);
            return 0;
        });
        return command;
    }
}
