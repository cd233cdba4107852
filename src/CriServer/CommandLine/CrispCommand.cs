using System.CommandLine;

namespace Crisp.CriServer.CommandLine;

/// <summary>The command line: <c>crisp COMMAND</c>.</summary>
internal static class CrispCommand
{
    public static RootCommand Create() => new("CRI sandboxes for pods: a Kubernetes node's container runtime.")
    {
        ServeCommand.Create(),
        ImageCommand.Create(),
        ConfigCommand.Create(),
    };
}
