using System.CommandLine;
using Crisp.CriServer.CommandLine.Run;

namespace Crisp.CriServer.CommandLine;

/// <summary>The command line: <c>crisp COMMAND</c>.</summary>
internal static class CrispCommand
{
    public static ParseResult Parse(string[] arguments)
    {
        var root = Create();
        return root.Parse(TrailingCommand.Separate(root, arguments, "run", "exec"));
    }

    public static RootCommand Create() => new("CRI sandboxes for pods: a Kubernetes node's container runtime.")
    {
        ServeCommand.Create(),
        RunCommand.Create(),
        ImageCommand.Create(),
        ConfigCommand.Create(),
    };
}
