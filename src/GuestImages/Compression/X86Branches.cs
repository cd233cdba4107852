using System.Buffers.Binary;

namespace Crisp.GuestImages.Compression;

/// <summary>
/// The x86 filter of xz (The .xz File Format, 5.3.2; Linux: lib/xz/xz_dec_bcj.c): calls and jumps had their relative targets made
/// absolute, so that they compress better. This makes them relative again.
/// </summary>
/// <remarks>
/// SharpCompress has this filter too, but (in 0.50.8) begins anew with each part that is read, which damages what lies across
/// two parts. Kernels that are compressed by xz always use it.
/// </remarks>
internal static class X86Branches
{
    private const int OperandLength = 4;

    // By the three bytes before an opcode, one bit for each that could be an opcode itself: whether what follows was converted,
    // and which byte of it tells.
    private static ReadOnlySpan<bool> MayBeConverted => [true, true, true, false, true, false, false, false];

    private static ReadOnlySpan<byte> BitNumber => [0, 1, 2, 2, 3, 3, 3, 3];

    /// <param name="data">All of it, from its beginning.</param>
    internal static void MakeRelative(Span<byte> data)
    {
        var mask = 0u;
        var last = -1L;
        for (var i = 0; i < data.Length - OperandLength; i++)
        {
            if ((data[i] & 0xFE) != 0xE8)
            {
                continue;
            }

            var distance = i - last;
            mask = distance > 3 ? 0 : mask << (int)(distance - 1) & 7;
            last = i;
            if (mask != 0 && (!MayBeConverted[(int)mask] || IsSign(data[i + OperandLength - BitNumber[(int)mask]])) || !IsSign(data[i + OperandLength]))
            {
                mask = mask << 1 | 1;
                continue;
            }

            var operand = data.Slice(i + 1, OperandLength);
            BinaryPrimitives.WriteUInt32LittleEndian(operand, Relative(BinaryPrimitives.ReadUInt32LittleEndian(operand), (uint)i + 5, mask));
            i += OperandLength;
        }
    }

    private static uint Relative(uint absolute, uint next, uint mask)
    {
        var target = absolute - next;
        while (mask != 0)
        {
            var bits = BitNumber[(int)mask] * 8;
            if (!IsSign((byte)(target >> (24 - bits))))
            {
                break;
            }

            target = (target ^ ((1u << (32 - bits)) - 1)) - next;
        }

        // 25 bits with their sign.
        return (uint)((int)(target << 7) >> 7);
    }

    private static bool IsSign(byte value) => value is 0x00 or 0xFF;
}
