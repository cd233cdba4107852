using System.Buffers;
using System.Runtime.InteropServices;

namespace Crisp.Linux.Plans;

/// <summary>The bytes that a plan's arguments point to, and where among them pointers to other bytes are.</summary>
internal sealed class PlanData
{
    private const int Alignment = 8;

    // Of an exec. What grows by doubling leaves twice as much behind, in processes that are to stay small.
    private const int UsualSize = 4096;
    private readonly ArrayBufferWriter<byte> _bytes = new(UsualSize);

    internal ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>Each a place in the data that must hold the address of another.</summary>
    internal List<(int At, int Target)> Pointers { get; } = [];

    /// <summary>Each a 64-bit place in the data that must hold the number of a descriptor from outside, by its index.</summary>
    internal List<(int At, int Descriptor)> Descriptors { get; } = [];

    /// <summary>Adds bytes.</summary>
    /// <returns>Their offset.</returns>
    internal int Add(ReadOnlySpan<byte> bytes)
    {
        var offset = _bytes.WrittenCount;
        var padded = (bytes.Length + Alignment - 1) & -Alignment;
        var place = _bytes.GetSpan(padded)[..padded];
        place.Clear();
        bytes.CopyTo(place);
        _bytes.Advance(padded);
        return offset;
    }

    internal int Add<T>(in T value)
        where T : unmanaged
        => Add(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>Adds a NUL-terminated string.</summary>
    internal int Add(string text)
    {
        var bytes = new byte[LinuxPath.MaxBytes(text) + 1];
        return Add(bytes.AsSpan(0, LinuxPath.Encode(text, bytes) + 1));
    }

    /// <summary>Adds strings and an array of pointers to them that ends with a null pointer.</summary>
    internal int Add(IReadOnlyList<string> texts)
    {
        var targets = new int[texts.Count];
        for (var i = 0; i < texts.Count; i++)
        {
            targets[i] = Add(texts[i]);
        }

        var array = Add(new byte[(texts.Count + 1) * sizeof(long)]);
        for (var i = 0; i < targets.Length; i++)
        {
            Pointers.Add((array + (i * sizeof(long)), targets[i]));
        }

        return array;
    }
}
