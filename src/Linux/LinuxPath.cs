using System.Buffers;
using System.Text;

namespace Crisp.Linux;

/// <summary>
/// File names are bytes without NUL; .NET's are UTF-16. Bytes that are not UTF-8 are kept as the lone surrogates
/// U+DC80..U+DCFF (Python's PEP 383), so that every name of the kernel survives the way there and back.
/// </summary>
public static class LinuxPath
{
    /// <summary>The name for people and for the calls of this library.</summary>
    public static string Decode(ReadOnlySpan<byte> name)
    {
        var text = new StringBuilder(name.Length);
        Span<char> pair = stackalloc char[2];
        while (!name.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(name, out var rune, out var consumed) == OperationStatus.Done)
            {
                text.Append(pair[..rune.EncodeToUtf16(pair)]);
            }
            else
            {
                consumed = 1;
                text.Append((char)(0xDC00 | name[0]));
            }

            name = name[consumed..];
        }

        return text.ToString();
    }

    /// <summary>The bytes, without a NUL behind them.</summary>
    /// <exception cref="ArgumentException">The name has a NUL, which the kernel would take for its end.</exception>
    public static byte[] Encode(string name)
    {
        var bytes = new byte[MaxBytes(name)];
        return bytes[..Encode(name, bytes)];
    }

    internal static int MaxBytes(string name) => checked(name.Length * 3);

    internal static int Encode(string name, Span<byte> bytes)
    {
        if (name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("A path has a NUL character, which would end it early for the kernel.", nameof(name));
        }

        var written = 0;
        for (var at = 0; at < name.Length;)
        {
            if (Rune.TryGetRuneAt(name, at, out var rune))
            {
                written += rune.EncodeToUtf8(bytes[written..]);
                at += rune.Utf16SequenceLength;
            }
            else if (name[at] is >= '\uDC80' and <= '\uDCFF')
            {
                bytes[written++] = (byte)name[at++];
            }
            else
            {
                throw new ArgumentException($"A path has the lone surrogate U+{(int)name[at]:X4}, which stands for no byte.", nameof(name));
            }
        }

        return written;
    }
}
