namespace Crisp.Images;

/// <summary>How far one layer of a pull is.</summary>
/// <param name="Layer">Its digest.</param>
/// <param name="Downloaded">Bytes that are on this node.</param>
/// <param name="Unpacked">Bytes of these that are unpacked.</param>
/// <param name="Total">Bytes, as the manifest says.</param>
public sealed record PullProgress(string Layer, long Downloaded, long Unpacked, long Total);
