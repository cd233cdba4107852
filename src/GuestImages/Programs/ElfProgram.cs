using System.Buffers.Binary;
using System.Text;

namespace Crisp.GuestImages.Programs;

/// <summary>What an ELF program or library wants from the dynamic linker (System V ABI, chapter 5; elf(5)).</summary>
/// <param name="Interpreter">The path of the dynamic linker; null for static programs, and for libraries.</param>
/// <param name="Needed">Names of libraries, DT_NEEDED, in the file's order.</param>
internal sealed record ElfProgram(string? Interpreter, IReadOnlyList<string> Needed)
{
    private const int HeaderSize = 64;
    private const int SegmentHeaderSize = 56;
    private const int EntrySize = 16;
    private const int MostSegments = 64;
    private const int MostEntries = 4096;
    private const uint Load = 1;
    private const uint Dynamic = 2;
    private const uint Interp = 3;
    private const long End = 0;
    private const long NeededTag = 1;
    private const long StringTable = 5;

    internal static bool IsElf(ReadOnlySpan<byte> file) => file.StartsWith("\u007fELF"u8);

    /// <exception cref="InvalidDataException">It is damaged, or for another machine.</exception>
    internal static ElfProgram Parse(ReadOnlySpan<byte> file)
    {
        // 64 bits, little endian, x86-64.
        if (file.Length < HeaderSize || !IsElf(file) || file[4] != 2 || file[5] != 1 || BinaryPrimitives.ReadUInt16LittleEndian(file[18..]) != 62)
        {
            throw new InvalidDataException("It is no ELF file for x86-64.");
        }

        var offset = BinaryPrimitives.ReadUInt64LittleEndian(file[32..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(file[56..]);
        if (count > MostSegments || BinaryPrimitives.ReadUInt16LittleEndian(file[54..]) != SegmentHeaderSize)
        {
            throw new InvalidDataException("Its program header is damaged.");
        }

        var headers = Part(file, offset, (ulong)count * SegmentHeaderSize);
        var interpreter = Find(headers, Interp) is { } interp ? Text(Content(file, interp), 0) : null;
        return new ElfProgram(interpreter, Find(headers, Dynamic) is { } dynamic ? ReadNeeded(file, headers, Content(file, dynamic)) : []);
    }

    private static List<string> ReadNeeded(ReadOnlySpan<byte> file, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> entries)
    {
        var names = new List<ulong>();
        ReadOnlySpan<byte> strings = default;
        for (var i = 0; (i + 1) * EntrySize <= entries.Length; i++)
        {
            var tag = BinaryPrimitives.ReadInt64LittleEndian(entries[(i * EntrySize)..]);
            var value = BinaryPrimitives.ReadUInt64LittleEndian(entries[(i * EntrySize + 8)..]);
            if (tag == End)
            {
                break;
            }

            if (tag == NeededTag && names.Count < MostEntries)
            {
                names.Add(value);
            }
            else if (tag == StringTable)
            {
                strings = AtAddress(file, headers, value);
            }
        }

        var needed = new List<string>();
        foreach (var name in names)
        {
            needed.Add(Text(strings, name));
        }

        return needed;
    }

    /// <summary>From a virtual address to the end of the segment that has it.</summary>
    private static ReadOnlySpan<byte> AtAddress(ReadOnlySpan<byte> file, ReadOnlySpan<byte> headers, ulong address)
    {
        for (; headers.Length > 0; headers = headers[SegmentHeaderSize..])
        {
            var start = BinaryPrimitives.ReadUInt64LittleEndian(headers[16..]);
            var content = BinaryPrimitives.ReadUInt32LittleEndian(headers) == Load ? Content(file, headers) : default;
            if (address >= start && address - start < (ulong)content.Length)
            {
                return content[(int)(address - start)..];
            }
        }

        throw new InvalidDataException("Its table of strings is in none of its segments.");
    }

    private static SegmentHeader? Find(ReadOnlySpan<byte> headers, uint type)
    {
        for (; headers.Length > 0; headers = headers[SegmentHeaderSize..])
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(headers) == type)
            {
                return new SegmentHeader(BinaryPrimitives.ReadUInt64LittleEndian(headers[8..]), BinaryPrimitives.ReadUInt64LittleEndian(headers[32..]));
            }
        }

        return null;
    }

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file, SegmentHeader header) => Part(file, header.Offset, header.Length);

    private static ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file, ReadOnlySpan<byte> header)
        => Part(file, BinaryPrimitives.ReadUInt64LittleEndian(header[8..]), BinaryPrimitives.ReadUInt64LittleEndian(header[32..]));

    private static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> file, ulong offset, ulong length)
        => offset <= (ulong)file.Length && length <= (ulong)file.Length - offset
            ? file.Slice((int)offset, (int)length)
            : throw new InvalidDataException("A part of it is behind its end.");

    private static string Text(ReadOnlySpan<byte> strings, ulong offset)
    {
        var text = offset < (ulong)strings.Length ? strings[(int)offset..] : default;
        var end = text.IndexOf((byte)0);
        return end > 0 ? Encoding.UTF8.GetString(text[..end]) : throw new InvalidDataException("A string in it has no end.");
    }

    private readonly record struct SegmentHeader(ulong Offset, ulong Length);
}
