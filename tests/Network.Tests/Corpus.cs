namespace Crisp.Network.Tests;

/// <summary>The kept outputs of plugins beneath Corpus/: good-* are results, bad-* are what plugins print instead of one.</summary>
internal static class Corpus
{
    internal static IEnumerable<string> Names(string prefix)
        => typeof(Corpus).Assembly.GetManifestResourceNames().Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    internal static byte[] Read(string name)
    {
        using var stream = typeof(Corpus).Assembly.GetManifestResourceStream(name) ?? throw new FileNotFoundException(name);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
