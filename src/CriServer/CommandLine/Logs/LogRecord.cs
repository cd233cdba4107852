using System.Buffers.Text;

namespace Crisp.CriServer.CommandLine.Logs;

/// <summary>
/// One line of a container's log in CRI's format: <c>2026-01-02T03:04:05.678901234Z stdout F what it wrote</c>. The tag is P
/// where the container's own line goes on in its stream's next record, F where it ends. More tags may follow behind colons.
/// </summary>
internal readonly ref struct LogRecord
{
    private LogRecord(ReadOnlySpan<byte> time, bool isError, bool isPartial, ReadOnlySpan<byte> content)
    {
        Time = time;
        IsError = isError;
        IsPartial = isPartial;
        Content = content;
    }

    public ReadOnlySpan<byte> Time { get; }

    /// <summary>Whether it was written to standard error.</summary>
    public bool IsError { get; }

    public bool IsPartial { get; }

    /// <summary>Any bytes but a newline.</summary>
    public ReadOnlySpan<byte> Content { get; }

    /// <param name="line">Without its newline.</param>
    /// <returns>False for what is no such line.</returns>
    public static bool TryParse(ReadOnlySpan<byte> line, out LogRecord record)
    {
        record = default;
        var rest = line;
        var time = Word(ref rest);
        var stream = Word(ref rest);
        var isError = stream.SequenceEqual("stderr"u8);
        if (!IsTime(time) || !(isError || stream.SequenceEqual("stdout"u8)))
        {
            return false;
        }

        // The blank behind the tag may be missing where there is no content.
        var end = rest.IndexOf((byte)' ');
        var tags = end < 0 ? rest : rest[..end];
        var colon = tags.IndexOf((byte)':');
        var first = colon < 0 ? tags : tags[..colon];
        var isPartial = first.SequenceEqual("P"u8);
        if (!isPartial && !first.SequenceEqual("F"u8))
        {
            return false;
        }

        record = new LogRecord(time, isError, isPartial, end < 0 ? [] : rest[(end + 1)..]);
        return true;
    }

    private static ReadOnlySpan<byte> Word(scoped ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)' ');
        var word = end < 0 ? [] : rest[..end];
        rest = end < 0 ? [] : rest[(end + 1)..];
        return word;
    }

    // RFC 3339 with any fraction. The first 19 characters are enough to tell a record from other text.
    private static bool IsTime(ReadOnlySpan<byte> word) =>
        word.Length >= "2026-01-02T03:04:05Z".Length
        && word[10] == 'T'
        && Utf8Parser.TryParse(word[..4], out int _, out var digits)
        && digits == 4
        && word[4] == '-'
        && word[13] == ':';
}
