using System.Text;
using Crisp.Linux;

namespace Crisp.Sandbox.Hooks;

/// <summary>The last of what a hook writes to standard output and error. It never waits for us, and never for whom it left behind.</summary>
internal sealed class HookOutput : IDisposable
{
    /// <summary>Its number in an epoll set.</summary>
    internal const ulong Mark = 2;

    private const int Kept = 2048;
    private readonly FileDescriptor _read;
    private readonly TailBuffer _last = new(Kept);
    private bool _watched;

    /// <param name="read">The pipe's end, closed with this.</param>
    internal HookOutput(FileDescriptor read)
    {
        _read = read;
        Files.SetNonBlocking(read, true);
    }

    internal void AddTo(Epoll epoll)
    {
        epoll.Add(_read, EpollEvents.In, Mark);
        _watched = true;
    }

    /// <summary>Takes what is there now.</summary>
    internal void Drain(Epoll epoll)
    {
        Span<byte> buffer = stackalloc byte[4096];
        int count;

        // As much as a pipe holds, so that one who writes without end is still killed in time.
        for (var left = 64 << 10; left > 0 && (count = Files.TryRead(_read, buffer, out _)) >= 0; left -= count)
        {
            if (count == 0)
            {
                Unwatch(epoll);
                return;
            }

            _last.Add(buffer[..count]);
        }
    }

    /// <summary>For the end of a sentence: its words, or that there were none.</summary>
    internal string Said()
    {
        var text = Encoding.UTF8.GetString(_last.ToArray()).Trim();
        if (text.Length == 0)
        {
            return ", without a word.";
        }

        var plain = string.Concat(text.Select(c => char.IsControl(c) && c != '\n' ? ' ' : c));
        return $": {(_last.IsCut ? "… " : "")}{plain}";
    }

    public void Dispose() => _read.Dispose();

    // Its end would be reported for ever.
    private void Unwatch(Epoll epoll)
    {
        if (_watched)
        {
            _watched = false;
            epoll.Remove(_read);
        }
    }
}
