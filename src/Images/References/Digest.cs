using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Crisp.Images;

/// <summary>A content digest, always SHA-256: the one algorithm that registries serve and this store keeps.</summary>
/// <remarks>OCI image specification, descriptor.md, "Digests": 64 lower-case hexadecimal digits.</remarks>
public sealed record Digest
{
    public const string Algorithm = "sha256:";
    public const int HexLength = 64;

    private static readonly SearchValues<char> _hexDigits = SearchValues.Create("0123456789abcdef");

    private Digest(string hex)
    {
        Hex = hex;
    }

    /// <summary>64 lower-case hexadecimal digits: safe as a file name.</summary>
    public string Hex { get; }

    /// <param name="text">sha256:HEX.</param>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Digest? digest)
    {
        digest = text is not null && text.StartsWith(Algorithm, StringComparison.Ordinal) && IsHex(text.AsSpan(Algorithm.Length))
            ? new Digest(text[Algorithm.Length..])
            : null;
        return digest is not null;
    }

    /// <exception cref="ImageException">Not sha256:HEX.</exception>
    public static Digest Parse(string? text) => TryParse(text, out var digest)
        ? digest
        : throw ImageException.Bad($"\"{text}\" is not a digest of the form sha256:<64 lower-case hexadecimal digits>.");

    public static Digest Of(ReadOnlySpan<byte> content)
        => FromHash(SHA256.HashData(content));

    public override string ToString() => Algorithm + Hex;

    internal static Digest FromHash(ReadOnlySpan<byte> hash) => new(Convert.ToHexStringLower(hash));

    internal static bool IsHex(ReadOnlySpan<char> text)
        => text.Length == HexLength && !text.ContainsAnyExcept(_hexDigits);
}
