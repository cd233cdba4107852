namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>Reads a log on and on until its container has ended, over rotations.</summary>
/// <param name="path">The log's; it need not exist yet.</param>
/// <param name="hasEnded">Whether nothing will be written any more.</param>
/// <param name="interval">How often the file is looked at; inotify would miss what happens on some network filesystems.</param>
internal sealed class LogFollower(string path, Func<CancellationToken, Task<bool>> hasEnded, TimeSpan interval) : IDisposable
{
    private LogFile? _file = LogFile.TryOpen(path);

    /// <summary>Starts at the last lines.</summary>
    public void SeekTail(int lines) => _file?.SeekTail(lines);

    /// <param name="printed">Called whenever all that was there has been handed over.</param>
    public async Task RunAsync(LineSplitter lines, Action printed, CancellationToken cancellation)
    {
        var ended = false;
        while (true)
        {
            var any = ReadOn(lines, cancellation);
            printed();
            if (ended && !any)
            {
                lines.Finish();
                printed();
                return;
            }

            // The end is known before the last read, so that the last words are among what it finds.
            ended = ended || (!any && await hasEnded(cancellation));
            await Task.Delay(interval, cancellation);
        }
    }

    public void Dispose() => _file?.Dispose();

    private bool ReadOn(LineSplitter lines, CancellationToken cancellation)
    {
        _file ??= LogFile.TryOpen(path);
        if (_file is null)
        {
            return false;
        }

        var isReplaced = _file.IsReplaced();
        var any = _file.ReadToEnd(lines, cancellation);
        if (!isReplaced)
        {
            return any;
        }

        // The writer has left the old file before it made the new one; this read has seen its end.
        _file.Dispose();
        _file = LogFile.TryOpen(path);
        return true;
    }
}
