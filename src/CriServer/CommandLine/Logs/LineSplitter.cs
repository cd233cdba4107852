using System.Buffers;

namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>What is done with a line.</summary>
internal delegate void LineAction(ReadOnlySpan<byte> line);

/// <summary>Makes lines of bytes that come in any pieces.</summary>
/// <param name="action">Gets each line without its newline; the span is valid during the call.</param>
internal sealed class LineSplitter(LineAction action)
{
    /// <summary>A longer line is handed over in pieces of this length: the runtime writes none longer than a fraction of it.</summary>
    public const int LongestLine = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _rest = new();

    public void Add(ReadOnlySpan<byte> bytes)
    {
        for (int end; (end = bytes.IndexOf((byte)'\n')) >= 0; bytes = bytes[(end + 1)..])
        {
            if (_rest.WrittenCount == 0)
            {
                action(bytes[..end]);
            }
            else
            {
                _rest.Write(bytes[..end]);
                Finish();
            }
        }

        _rest.Write(bytes);
        if (_rest.WrittenCount >= LongestLine)
        {
            Finish();
        }
    }

    /// <summary>No more bytes will come: hands over what has no newline.</summary>
    public void Finish()
    {
        if (_rest.WrittenCount > 0)
        {
            action(_rest.WrittenSpan);
            _rest.ResetWrittenCount();
        }
    }
}
