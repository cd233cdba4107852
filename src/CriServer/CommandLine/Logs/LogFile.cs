using Crisp.Linux;

namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>An open log file, which may be renamed, replaced or cut while it is read.</summary>
internal sealed class LogFile : IDisposable
{
    private const int ChunkLength = 64 * 1024;
    private readonly byte[] _chunk = new byte[ChunkLength];
    private readonly string _path;
    private readonly FileDescriptor _file;
    private readonly FileStatus _status;
    private long _offset;

    private LogFile(string path, FileDescriptor file)
    {
        _path = path;
        _file = file;
        _status = Files.Status(file);
    }

    /// <returns>Null where there is no such file.</returns>
    /// <exception cref="CommandException">It cannot be opened, or is no file.</exception>
    public static LogFile? TryOpen(string path)
    {
        try
        {
            // Not blocking: whoever made the path could have put a pipe there.
            var file = new LogFile(path, Files.Open(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking | OpenFlags.NoTerminal));
            if (file._status.Type == FileType.Regular)
            {
                return file;
            }

            file.Dispose();
            throw new CommandException($"The log {path} is no regular file.");
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT)
        {
            return null;
        }
        catch (LinuxException e)
        {
            throw new CommandException($"Cannot read the log: {e.Message}.", e);
        }
    }

    /// <summary>Starts at the last lines.</summary>
    public void SeekTail(int lines) => Seek(LogTail.Offset(_file, lines));

    /// <summary>Hands over what is there.</summary>
    /// <returns>Whether that was anything.</returns>
    public bool ReadToEnd(LineSplitter lines, CancellationToken cancellation)
    {
        if (Files.Status(_file).Size < _offset)
        {
            // Cut in place, as logrotate's copytruncate does: what stands there now is new.
            Seek(0);
        }

        var before = _offset;
        for (int count; (count = Files.Read(_file, _chunk)) > 0;)
        {
            _offset += count;
            lines.Add(_chunk.AsSpan(0, count));
            cancellation.ThrowIfCancellationRequested();
        }

        return _offset > before;
    }

    /// <summary>Whether another file stands at the path by now.</summary>
    public bool IsReplaced() =>
        Files.TryStatusAt(FileDescriptor.CurrentDirectory, _path, out _) is { } now
        && (now.Inode, now.Filesystem) != (_status.Inode, _status.Filesystem);

    public void Dispose() => _file.Dispose();

    private void Seek(long offset)
    {
        Files.Seek(_file, offset);
        _offset = offset;
    }
}
