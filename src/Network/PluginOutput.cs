using Crisp.Linux;

namespace Crisp.Network;

/// <summary>How a plugin ended, and what it printed.</summary>
/// <param name="Stdout">At most 1 MiB.</param>
/// <param name="Stderr">The last 4 KiB, made printable.</param>
internal sealed record PluginOutput(ProcessExit Exit, byte[] Stdout, string Stderr)
{
    public bool Succeeded => Exit is { Signal: 0, ExitCode: 0 };
}
