using System.Text;

namespace Crisp.Linux.Tests.Interop;

/// <summary>The sources of src/Linux, which the tests carry with them.</summary>
internal static class Sources
{
    internal static IEnumerable<string> Names => typeof(Sources).Assembly.GetManifestResourceNames().Where(n => n.StartsWith("src/", StringComparison.Ordinal));

    internal static string Read(string name)
    {
        using var stream = typeof(Sources).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
