namespace Crisp.Images.Tests.Registry;

/// <summary>Bytes that nothing compresses, the same at each run.</summary>
internal static class Noise
{
    public static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
