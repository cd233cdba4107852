namespace Crisp.CriServer.CommandLine;

/// <summary>Ids for people: the beginning is enough to tell them apart and to type.</summary>
internal static class ShortId
{
    private const int Length = 12;
    private const string Sha256 = "sha256:";

    public static string Of(string id) => id.Length > Length ? id[..Length] : id;

    /// <summary>An image's name as it is, its digest short.</summary>
    public static string OfImage(string image) => image.StartsWith(Sha256, StringComparison.Ordinal) ? Of(image[Sha256.Length..]) : image;
}
