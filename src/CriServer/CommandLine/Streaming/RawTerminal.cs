using Crisp.Linux;

namespace Crisp.CriServer.CommandLine.Streaming;

/// <summary>Standard input as the remote terminal's keyboard: every key goes there, and none means anything here.</summary>
internal sealed class RawTerminal : IDisposable
{
    private readonly FileDescriptor _file = new(0, ownsHandle: false);
    private readonly TerminalMode _before;

    private RawTerminal()
    {
        _before = TerminalMode.Get(_file);
        TerminalMode.Set(_file, _before.ToRaw());
    }

    /// <returns>Null when standard input is no terminal.</returns>
    public static RawTerminal? TryEnter()
    {
        try
        {
            return new RawTerminal();
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOTTY)
        {
            return null;
        }
    }

    public void Dispose() => TerminalMode.Set(_file, _before);
}
