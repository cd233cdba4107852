using System.Collections;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Vm;

namespace Crisp.CriServer.CommandLine.Vm;

/// <summary>The process that is a virtual machine: crisp-sandbox, as for a pod, so that there is one monitor and not two.</summary>
internal static class VmProcess
{
    /// <summary>Becomes it: same pid, terminal, standard streams.</summary>
    /// <param name="arguments">Of a specification.</param>
    /// <exception cref="CommandException">It cannot be run.</exception>
    public static void Become(string program, IReadOnlyList<string> arguments)
    {
        // The mask is inherited, and so blocked in every thread that the new program's runtime starts before its main.
        ThreadSignals.Block([.. VmProgram.Signals]);
        try
        {
            // A machine has nothing that whoever started crisp has left open.
            ProgramImage.KeepStandardStreamsOnly();
            ProgramImage.Replace(program, arguments, [.. Environment()]);
        }
        catch (LinuxException e)
        {
            // Whatever this process starts from now on would inherit the mask, and hear no SIGTERM.
            ThreadSignals.Unblock([.. VmProgram.Signals]);
            throw new CommandException(
                $"{program}, which runs virtual machines, cannot be run: {e.Errno.Describe()}. Install it beside crisp, or name it in the configuration (sandbox_binary).", e);
        }
    }

    /// <summary>This process's, with the settings that keep pods' processes small.</summary>
    public static IEnumerable<string> Environment() => System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .Select(v => $"{v.Key}={v.Value}")
        .Where(v => !SandboxLauncher.RuntimeSettings.Any(s => v.StartsWith(s[..(s.IndexOf('=', StringComparison.Ordinal) + 1)], StringComparison.Ordinal)))
        .Concat(SandboxLauncher.RuntimeSettings);
}
