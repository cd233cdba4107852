using System.Text.Json;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>Reads a client's resize stream: JSON objects, {"Width":80,"Height":24}, one after the other.</summary>
internal static class TerminalSizes
{
    private const int MaxObject = 1024;

    /// <summary>Until the stream ends.</summary>
    /// <exception cref="InvalidDataException">It carries something else.</exception>
    public static async IAsyncEnumerable<(ushort Width, ushort Height)> ReadAsync(
        Stream stream, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var buffer = new byte[MaxObject];
        var length = 0;
        while (true)
        {
            var count = await stream.ReadAsync(buffer.AsMemory(length), cancellation);
            if (count == 0)
            {
                yield break;
            }

            length += count;
            while (TryTake(buffer.AsSpan(0, length), out var consumed, out var size))
            {
                buffer.AsSpan(consumed, length - consumed).CopyTo(buffer);
                length -= consumed;
                yield return size;
            }

            if (length == buffer.Length)
            {
                throw new InvalidDataException("The client's resize stream holds no sizes.");
            }
        }
    }

    private static bool TryTake(ReadOnlySpan<byte> bytes, out int consumed, out (ushort Width, ushort Height) size)
    {
        consumed = 0;
        size = default;
        var reader = new Utf8JsonReader(bytes, isFinalBlock: false, new JsonReaderState(new JsonReaderOptions { AllowMultipleValues = true }));
        try
        {
            if (!reader.Read() || !JsonDocument.TryParseValue(ref reader, out var document))
            {
                return false;
            }

            using (document)
            {
                consumed = (int)reader.BytesConsumed;
                size = (Number(document.RootElement, "Width"), Number(document.RootElement, "Height"));
                return true;
            }
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The client's resize stream holds no sizes.", e);
        }
    }

    // The names as Go writes them; a terminal has at most 65,535 columns and rows.
    private static ushort Number(JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetUInt16(out var number)
            ? number
            : throw new InvalidDataException($"A size of the client's resize stream has no {name}.");
}
