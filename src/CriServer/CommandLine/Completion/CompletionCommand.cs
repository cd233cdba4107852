using System.CommandLine;

namespace Crisp.CriServer.CommandLine.Completion;

/// <summary><c>crisp completion SHELL</c>: the script by which a shell completes commands, options and names.</summary>
internal static class CompletionCommand
{
    public static Command Create()
    {
        var command = new Command("completion", "Print a script by which a shell completes crisp's commands, options and names.");
        foreach (var (shell, script) in (ReadOnlySpan<(string, string)>)
        [
            ("bash", CompletionScripts.Bash), ("zsh", CompletionScripts.Zsh), ("fish", CompletionScripts.Fish),
        ])
        {
            var one = new Command(shell, $"For {shell}; the script's first lines say where it goes.");
            one.SetAction(parsed => parsed.InvocationConfiguration.Output.Write(script));
            command.Add(one);
        }

        return command;
    }
}
