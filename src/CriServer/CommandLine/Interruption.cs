using System.Runtime.InteropServices;

namespace Crisp.CriServer.CommandLine;

/// <summary>Ctrl-C and SIGTERM as a cancelled token; a second one ends the process at once, as if nobody listened.</summary>
internal sealed class Interruption : IDisposable
{
    private const int SignalledBase = 128;
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;

    public Interruption()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Interrupt(context, 2));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Interrupt(context, 15));
    }

    public CancellationToken Token => _source.Token;

    /// <summary>128 and the signal's number, as shells have it; null without a signal.</summary>
    public int? ExitCode { get; private set; }

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Interrupt(PosixSignalContext context, int number)
    {
        context.Cancel = ExitCode is null;
        ExitCode = SignalledBase + number;
        _source.Cancel();
    }
}
