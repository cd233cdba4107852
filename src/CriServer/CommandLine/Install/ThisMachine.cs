using System.CommandLine;
using Crisp.Cgroups.Systemd;
using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.Install;
using Crisp.Install.Host;
using Crisp.Linux;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine.Install;

/// <summary>The machine on which a command runs, as a host to install on.</summary>
internal static class ThisMachine
{
    private const string Root = "/";
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(5);

    /// <exception cref="CommandException">It cannot be done here, or by this user.</exception>
    public static void Require()
    {
        if (Processes.EffectiveUid != 0)
        {
            throw new CommandException("A service of the machine is root's to install and to remove: run this as root.");
        }

        if (!SystemdUnits.IsBooted)
        {
            throw new CommandException(
                "This machine was not started by systemd (/run/systemd/system is missing), and crisp installs itself as a service of systemd's. "
                + "Start \"crisp serve\" by whatever starts services here.");
        }
    }

    public static IHostCommands Commands { get; } = new HostCommands(Root);

    public static Installation Installation(Action<string> say) => new(new HostRoot(Root), Commands, AnswersAsync, TimeProvider.System, say);

    /// <summary>The daemon's configuration as it lies on the machine.</summary>
    /// <exception cref="ConfigException">It is wrong.</exception>
    public static CrispConfig Config => ConfigFile.Load(path: null);

    public static async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        using var client = new DaemonClient(Config.SocketPath);
        try
        {
            await client.Runtime.VersionAsync(new VersionRequest(), deadline: DateTime.UtcNow + s_answer, cancellationToken: cancellation);
            return true;
        }
        catch (RpcException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Tells steps as lines of the command's output.</summary>
    public static Action<string> Say(ParseResult parsed) => line => parsed.InvocationConfiguration.Output.WriteLine(line);
}
