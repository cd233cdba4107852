using System.Buffers;
using System.Security.Cryptography;

namespace Crisp.CriServer.State;

/// <summary>Ids of pods and containers: 64 lower-case hexadecimal digits, 256 random bits.</summary>
public static class Identifier
{
    private const int Length = 64;
    private static readonly SearchValues<char> _digits = SearchValues.Create("0123456789abcdef");

    public static string Create() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Length / 2));

    /// <summary>Whether the text may name a file: anything else in our directories is not ours.</summary>
    public static bool IsValid(string text) => text.Length == Length && !text.AsSpan().ContainsAnyExcept(_digits);
}
