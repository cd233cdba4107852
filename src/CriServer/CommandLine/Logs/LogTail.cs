using Crisp.Linux;

namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>Finds the last lines of a log, reading from its end.</summary>
internal static class LogTail
{
    // Longer than a time, a stream's name and tags.
    private const int HeaderLength = 128;
    private const int BlockLength = 64 * 1024;

    /// <summary>
    /// Where the last lines begin. A line is what the container wrote as one, in however many records; what has no end yet
    /// counts as one.
    /// </summary>
    /// <returns>An offset in bytes: 0 when there are no more lines than that, the file's length for no lines.</returns>
    public static long Offset(FileDescriptor file, int lines)
    {
        var end = Files.Status(file).Size;
        if (lines == 0)
        {
            return end;
        }

        var isLast = true;
        var found = 0;
        foreach (var start in LineStarts(file, end))
        {
            // A record with tag F is the last of its line, so the line after it begins where it ends.
            if ((isLast || !IsPartial(file, start)) && ++found > lines)
            {
                return end;
            }

            isLast = false;
            end = start;
        }

        return 0;
    }

    private static bool IsPartial(FileDescriptor file, long start)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        header = header[..Files.ReadAt(file, header, start)];
        var end = header.IndexOf((byte)'\n');
        return LogRecord.TryParse(end < 0 ? header : header[..end], out var record) && record.IsPartial;
    }

    // The last line first. A newline at the very end begins no line.
    private static IEnumerable<long> LineStarts(FileDescriptor file, long end)
    {
        var block = new byte[BlockLength];
        for (var blockEnd = end; blockEnd > 0;)
        {
            var blockStart = Math.Max(0, blockEnd - BlockLength);
            var length = Files.ReadAt(file, block.AsSpan(0, (int)(blockEnd - blockStart)), blockStart);
            for (var i = length - 1; i >= 0; i--)
            {
                if (block[i] == '\n' && blockStart + i + 1 < end)
                {
                    yield return blockStart + i + 1;
                }
            }

            blockEnd = blockStart;
        }

        if (end > 0)
        {
            yield return 0;
        }
    }
}
