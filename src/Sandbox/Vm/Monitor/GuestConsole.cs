using System.Text;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>What the guest's kernel and process 1 write to their console: a file of bounded size, and the newest of it in memory.</summary>
internal sealed class GuestConsole : IDisposable
{
    private const int MostBytes = 256 << 10;
    private const int MostOfTail = 1024;
    private const int MostOfLine = 512;
    private const uint Mode = 0x180; // 0600
    private readonly Lock _lock = new();
    private readonly FileDescriptor _file;
    private readonly StringBuilder _tail = new();
    private readonly List<byte> _line = [];
    private int _written;
    private string? _panic;

    public GuestConsole(string path)
        => _file = Files.Open(path, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate | OpenFlags.NoFollow, Mode);

    /// <summary>The newest lines.</summary>
    public string Tail
    {
        get
        {
            lock (_lock)
            {
                return _tail + Encoding.UTF8.GetString([.. _line]);
            }
        }
    }

    /// <summary>The line in which the kernel says why it panicked; null when it did not. What it writes after that is longer than the tail.</summary>
    public string? Panic
    {
        get
        {
            lock (_lock)
            {
                return _panic;
            }
        }
    }

    /// <summary>From a processor's thread.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            foreach (var one in bytes)
            {
                _line.Add(one);
                if (one == (byte)'\n' || _line.Count == MostOfLine)
                {
                    Flush();
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            Flush();
            _file.Dispose();
        }
    }

    private void Flush()
    {
        byte[] line = [.. _line];
        _line.Clear();
        var text = Encoding.UTF8.GetString(line);
        _panic ??= text.Contains("Kernel panic", StringComparison.Ordinal) ? text : null;
        _tail.Append(text);
        _tail.Remove(0, Math.Max(0, _tail.Length - MostOfTail));
        if (_written < MostBytes && !_file.IsClosed)
        {
            // A full disk must not end the pod because of what is on its console.
            _written += line.Length;
            Files.TryWrite(_file, line, out _);
        }
    }
}
