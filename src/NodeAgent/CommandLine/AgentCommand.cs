using System.CommandLine;
using Crisp.Install.Host;
using Crisp.NodeAgent.Kubernetes;
using k8s.Exceptions;

namespace Crisp.NodeAgent.CommandLine;

/// <summary>The command line: <c>crisp-node-agent COMMAND</c>.</summary>
internal static class AgentCommand
{
    public static RootCommand Create() => new("Installs crisp on a Kubernetes node, and switches its kubelet over.")
    {
        RunCommand.Create(),
        SwitchCommand.Create(),
        UninstallCommand.Create(),
    };

    /// <summary>Sets a command's action. What fails becomes a sentence on standard error and 1.</summary>
    public static void SetRun(this Command command, Func<ParseResult, CancellationToken, Task<int>> run) => command.SetAction(async (parsed, cancellation) =>
    {
        try
        {
            return await run(parsed, cancellation);
        }
        catch (Exception e) when (e is HostException or ClusterException or OptionException or KubeConfigException)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"crisp-node-agent: {e.Message}");
            return 1;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return 1;
        }
    });
}

/// <summary>An option's value is wrong. The message names the option and what it can be.</summary>
internal sealed class OptionException(string message) : Exception(message);
