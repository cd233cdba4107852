using System.Diagnostics;
using System.Text;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Linux;

namespace Crisp.CriServer.Tests.CommandLine;

/// <summary>
/// crisp on a terminal of its own, as a person has it: a pseudoterminal (pty(7)) that is its controlling one, with the modes of
/// a shell's. Closing it takes the terminal away.
/// </summary>
internal sealed class CrispTerminal : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private readonly FileDescriptor _master;
    private readonly FileDescriptor _peer;
    private readonly StringBuilder _text = new();
    private readonly string _path;
    private readonly int _columns;
    private readonly int _rows;
    private readonly Process _process;
    private readonly Thread _reader;
    private bool _closed;

    private CrispTerminal(int columns, int rows, string[] command)
    {
        (_columns, _rows) = (columns, rows);
        _master = Terminals.OpenMaster(FileDescriptor.CurrentDirectory, "/dev/ptmx");
        _peer = Terminals.OpenPeer(_master);
        Terminals.Resize(_master, (ushort)columns, (ushort)rows);
        _path = Files.ReadlinkAt(FileDescriptor.CurrentDirectory, _peer.ProcPath);

        // The shell opens the terminal for all three, setsid(1) makes it the controlling one, and the exit code comes back.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec setsid --ctty --wait \"$@\" <> \"$0\" >&0 2>&0", _path, .. command]);
        start.Environment["TERM"] = "xterm";
        _process = Process.Start(start)!;
        _reader = new Thread(Read) { IsBackground = true, Name = "terminal" };
        _reader.Start();
    }

    /// <summary>All that was written to the terminal so far, its line ends as the terminal makes them.</summary>
    public string Text
    {
        get
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }

    /// <summary>What a person sees, without empty lines at the end.</summary>
    public IReadOnlyList<string> Screen => TerminalScreen.Show(Text, _columns, _rows);

    /// <summary>The terminal's modes (termios(3)), as stty(1) saves them.</summary>
    public string Modes
    {
        get
        {
            using var stty = Process.Start(new ProcessStartInfo("stty", ["-g", "-F", _path]) { RedirectStandardOutput = true })!;
            return stty.StandardOutput.ReadToEnd();
        }
    }

    public static CrispTerminal Start(int columns, int rows, params string[] arguments) => new(columns, rows, [CrispBinaries.Crisp, .. arguments]);

    /// <summary>
    /// crisp as timeout(1) runs it: in the background of the terminal (credentials(7)), where changing its modes stops a process. After the
    /// seconds it gets SIGTERM and SIGCONT, and <see cref="EndAsync"/> tells 124.
    /// </summary>
    public static CrispTerminal StartInBackground(int seconds, params string[] arguments)
        => new(80, 24, ["/bin/sh", "-c", "timeout \"$@\"; exit $?", "sh", $"{seconds}", CrispBinaries.Crisp, .. arguments]);

    /// <summary>Types.</summary>
    public void Type(string text) => Files.WriteAll(_master, Encoding.UTF8.GetBytes(text));

    /// <summary>Waits for the program's end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync()
    {
        using var deadline = new CancellationTokenSource(_patience);
        await _process.WaitForExitAsync(deadline.Token);
        await Task.Delay(50);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        Volatile.Write(ref _closed, true);
        _reader.Join();
        _process.Dispose();
        _peer.Dispose();
        _master.Dispose();
    }

    private void Read()
    {
        var buffer = new byte[4096];
        var decoder = Encoding.UTF8.GetDecoder();
        var characters = new char[buffer.Length];
        while (!Volatile.Read(ref _closed))
        {
            if (Poll.WaitReadable(_master, TimeSpan.FromMilliseconds(20)))
            {
                var count = decoder.GetChars(buffer, 0, Files.Read(_master, buffer), characters, 0);
                lock (_text)
                {
                    _text.Append(characters, 0, count);
                }
            }
        }
    }
}
