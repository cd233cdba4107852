using System.CommandLine;
using Crisp.CriServer.CommandLine.Completion;
using Crisp.CriServer.CommandLine.Events;
using Crisp.CriServer.CommandLine.Install;
using Crisp.CriServer.CommandLine.Migration;
using Crisp.CriServer.CommandLine.Run;
using Crisp.CriServer.CommandLine.Stats;
using Crisp.CriServer.CommandLine.Vm;

namespace Crisp.CriServer.CommandLine;

/// <summary>The command line: <c>crisp COMMAND</c>.</summary>
internal static class CrispCommand
{
    public static RootCommand Create() => new("CRI sandboxes for pods: a Kubernetes node's container runtime.")
    {
        ServeCommand.Create(),
        CheckCommand.Create(),
        InstallCommand.Create(),
        UninstallCommand.Create(),
        MigrateFromCommand.Create(),
        ConfigCommand.Create(),
        RunCommand.Create(),
        PodsCommand.Create(),
        PsCommand.Create(),
        LogsCommand.Create(),
        ExecCommand.Create(),
        AttachCommand.Create(),
        PortForwardCommand.Create(),
        StatsCommand.Create(),
        EventsCommand.Create(),
        StopCommand.Create(),
        RemoveCommand.Create(),
        InspectCommand.Create(),
        PlanCommand.Create(),
        ImagesCommand.Create(),
        PullCommand.Create(),
        ImageCommand.Create(),
        VmCommand.Create(),
        CompletionCommand.Create(),
    };

    public static ParseResult Parse(string[] arguments)
    {
        var root = Create();

        // Without response files: @name may be an argument of a container's command.
        return root.Parse(TrailingCommand.Separate(root, arguments, "run", "exec"), new ParserConfiguration { ResponseFileTokenReplacer = null });
    }
}
