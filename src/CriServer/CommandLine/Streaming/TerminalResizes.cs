using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Crisp.CriServer.Streaming.Spdy;
using Crisp.Linux;

namespace Crisp.CriServer.CommandLine.Streaming;

/// <summary>Tells the size of standard output's terminal, now and whenever it changes.</summary>
internal sealed class TerminalResizes : IDisposable
{
    private readonly SpdyStream _stream;
    private readonly FileDescriptor _file = new(1, ownsHandle: false);
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly PosixSignalRegistration _changed;

    public TerminalResizes(SpdyStream stream)
    {
        _stream = stream;
        _changed = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, signal => { _ = SendAsync(); });
        _ = SendAsync();
    }

    public void Dispose()
    {
        _changed.Dispose();
        _sending.Dispose();
    }

    private async Task SendAsync()
    {
        try
        {
            await _sending.WaitAsync();
            var (columns, rows) = Terminals.GetSize(_file);
            var size = string.Create(CultureInfo.InvariantCulture, $"{{\"Width\":{columns},\"Height\":{rows}}}\n");
            await _stream.WriteAsync(Encoding.ASCII.GetBytes(size));
            _sending.Release();
        }
        catch (Exception e) when (e is IOException or LinuxException or ObjectDisposedException)
        {
            // Output is no terminal, or the session has ended.
        }
    }
}
