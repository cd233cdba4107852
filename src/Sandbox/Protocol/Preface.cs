namespace Crisp.Sandbox.Protocol;

/// <summary>What a connection is for: the ninth byte of its preface.</summary>
public enum ConnectionKind : byte
{
    Control = (byte)'C',
    Descriptors = (byte)'D',
    Stdin = (byte)'I',
    Stdout = (byte)'O',
    Stderr = (byte)'E',
}

/// <summary>The 25 bytes with which a client begins every connection (api/sandbox/sandbox.proto).</summary>
public static class Preface
{
    public const int Size = 25;

    public const int TokenSize = 16;

    /// <summary>The byte with which the server takes a connection; it closes those that it does not take.</summary>
    public const byte Taken = 0;

    private static ReadOnlySpan<byte> Magic => "crisp/1\n"u8;

    /// <param name="token">16 bytes, or empty for a control connection.</param>
    public static byte[] Encode(ConnectionKind kind, ReadOnlySpan<byte> token)
    {
        var preface = new byte[Size];
        Magic.CopyTo(preface);
        preface[Magic.Length] = (byte)kind;
        token.CopyTo(preface.AsSpan(Magic.Length + 1));
        return preface;
    }

    /// <exception cref="ProtocolException">The bytes are no preface of this protocol.</exception>
    public static (ConnectionKind Kind, Guid Token) Parse(ReadOnlySpan<byte> bytes)
    {
        var kind = (ConnectionKind)bytes[Magic.Length];
        if (!bytes.StartsWith(Magic))
        {
            throw new ProtocolException("A connection does not begin with the preface of crisp/1.");
        }

        return kind is ConnectionKind.Control or ConnectionKind.Descriptors
            or ConnectionKind.Stdin or ConnectionKind.Stdout or ConnectionKind.Stderr
            ? (kind, new Guid(bytes.Slice(Magic.Length + 1, TokenSize)))
            : throw new ProtocolException($"A connection is of the kind {bytes[Magic.Length]}, which is not known.");
    }
}
