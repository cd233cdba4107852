namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>
/// Prints records as the container wrote them, each stream to its own, partial ones joined. What is no record is printed as it
/// is: nothing of a log is hidden.
/// </summary>
/// <param name="timestamps">Whether each line begins with the time of its first record.</param>
internal sealed class LogPrinter(Stream output, Stream error, bool timestamps)
{
    private readonly Target _output = new(output);
    private readonly Target _error = new(error);
    private Target? _last;

    public void Print(ReadOnlySpan<byte> line)
    {
        if (!LogRecord.TryParse(line, out var record))
        {
            Begin(_output);
            _output.Stream.Write(line);
            _output.Stream.WriteByte((byte)'\n');
            _output.IsWithinLine = false;
            return;
        }

        var target = record.IsError ? _error : _output;
        Begin(target);
        if (timestamps && !target.IsWithinLine)
        {
            target.Stream.Write(record.Time);
            target.Stream.WriteByte((byte)' ');
        }

        target.Stream.Write(record.Content);
        if (!record.IsPartial)
        {
            target.Stream.WriteByte((byte)'\n');
        }

        target.IsWithinLine = record.IsPartial;
    }

    public void Flush() => _last?.Stream.Flush();

    // Both streams may be one terminal, where the order must stay.
    private void Begin(Target target)
    {
        if (_last != target)
        {
            Flush();
            _last = target;
        }
    }

    private sealed class Target(Stream stream)
    {
        public Stream Stream => stream;

        public bool IsWithinLine { get; set; }
    }
}
