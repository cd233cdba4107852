using System.Runtime.CompilerServices;

namespace Crisp.Repository.Tests;

/// <summary>The files of this checkout, without what builds leave behind.</summary>
internal static class Checkout
{
    public static string Root { get; } = FindRoot();

    /// <summary>Paths relative to the root, with forward slashes, of files whose name ends so.</summary>
    public static IEnumerable<string> Files(params string[] endings) =>
        from path in Directory.EnumerateFiles(Root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        let relative = Path.GetRelativePath(Root, path)
        where !relative.StartsWith("artifacts/", StringComparison.Ordinal)
            && !relative.StartsWith(".git/", StringComparison.Ordinal)
            && !relative.Contains("/obj/", StringComparison.Ordinal)
        where endings.Length == 0 || endings.Any(e => relative.EndsWith(e, StringComparison.Ordinal))
        orderby relative
        select relative;

    public static string[] Lines(string relative) => File.ReadAllLines(Path.Combine(Root, relative));

    public static string Text(string relative) => File.ReadAllText(Path.Combine(Root, relative));

    private static string FindRoot([CallerFilePath] string thisFile = "")
    {
        // In the test VM the sources may lie elsewhere than where they were compiled.
        foreach (var start in new[] { Path.GetDirectoryName(thisFile)!, AppContext.BaseDirectory, Environment.CurrentDirectory })
        {
            for (var dir = new DirectoryInfo(start); dir is not null; dir = dir.Parent)
            {
                if (File.Exists(Path.Combine(dir.FullName, "Runtime.sln")))
                {
                    return dir.FullName;
                }
            }
        }

        throw new InvalidOperationException("No Runtime.sln above the tests: run them from a checkout.");
    }
}
