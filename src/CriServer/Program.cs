using System.CommandLine;
using Crisp.CriServer.CommandLine;
using Crisp.Linux;

// .NET gives the terminal its modes back at the end and at SIGCONT, with a handler for SIGTTOU; both at once, on two threads, leave no
// handler, and a process in the terminal's background is stopped for good. Blocked, the signal stops nobody (tcsetattr(3), POSIX).
ThreadSignals.Block(Signals.TerminalOutput);

// The host handles SIGTERM itself and in its own time; the command line must not end the process under it.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = null };

// .NET's own writers switch the keypad of a terminal over, and never back.
if (!Console.IsOutputRedirected)
{
    configuration.Output = DescriptorStream.Writer(1);
}

if (!Console.IsErrorRedirected)
{
    configuration.Error = DescriptorStream.Writer(2);
}

return await CrispCommand.Parse(args).InvokeAsync(configuration);
