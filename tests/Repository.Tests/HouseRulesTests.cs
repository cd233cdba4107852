using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Crisp.Repository.Tests;

public sealed partial class HouseRulesTests
{
    [Fact]
    public void Sources_StayWithinTheirRoom()
    {
        var tooLong =
            from file in Checkout.Files(".cs")
            let limit = file.StartsWith("tests/", StringComparison.Ordinal) ? 600 : 500
            let lines = Checkout.Lines(file).Length
            where lines > limit
            select $"{file}: {lines} lines, limit {limit}";

        Assert.Empty(tooLong);
    }

    [Fact]
    public void EveryUnsafeBlock_SaysWhyItIsSafe()
    {
        var silent =
            from file in Checkout.Files(".cs")
            where file.StartsWith("src/", StringComparison.Ordinal)
            from line in UnsafeBlocksWithoutNote(Checkout.Lines(file))
            select $"{file}:{line}";

        Assert.Empty(silent);
    }

    [Fact]
    public void UnsafeBlockWithoutNote_IsFound()
    {
        Assert.Equal([2], UnsafeBlocksWithoutNote(["var x = 1;", "unsafe", "{", "}"]));
        Assert.Empty(UnsafeBlocksWithoutNote(["// SAFETY: the buffer is pinned for the call.", "unsafe", "{", "}"]));
    }

    [Fact]
    public void UnsafeCode_IsAllowedInTheSystemCallLayerAlone()
    {
        var projects =
            from file in Checkout.Files(".csproj")
            where file.StartsWith("src/", StringComparison.Ordinal)
            where Checkout.Text(file).Contains("<AllowUnsafeBlocks>true", StringComparison.Ordinal)
            select file;

        Assert.Equal(["src/Linux/Linux.csproj"], projects);
    }

    [Fact]
    public void NativeCalls_AreDeclaredInTheSystemCallLayerAlone()
    {
        var strays =
            from file in Checkout.Files(".cs")
            where file.StartsWith("src/", StringComparison.Ordinal) && !file.StartsWith("src/Linux/", StringComparison.Ordinal)
            where NativeCall().IsMatch(Checkout.Text(file))
            select file;

        Assert.Empty(strays);
    }

    [Fact]
    public void Sources_HoldNothingUnfinished()
    {
        var marks =
            from file in Checkout.Files(".cs", ".c", ".proto", ".sh")
            where !file.StartsWith("tests/Repository.Tests/", StringComparison.Ordinal)
            from line in Checkout.Lines(file).Index()
            where Unfinished().IsMatch(line.Item)
            select $"{file}:{line.Index + 1}: {line.Item.Trim()}";

        Assert.Empty(marks);
    }

    [Fact]
    public void ProjectReferences_PointOneWay()
    {
        var allowed = new Dictionary<string, string[]>
        {
            ["Linux"] = [],
            ["Cgroups"] = ["Linux"],
            ["Kvm"] = ["Linux"],
            ["Images"] = ["Linux"],
            ["Network"] = ["Linux"],
            ["GuestImages"] = ["Kvm", "Linux"],
            ["Install"] = ["Linux"],
            ["Sandbox"] = ["Cgroups", "Kvm", "Linux"],
            ["CriServer"] = ["Cgroups", "GuestImages", "Images", "Install", "Linux", "Network", "Sandbox"],
            ["NodeAgent"] = ["Install", "Linux"],
        };
        var wrong =
            from file in Checkout.Files(".csproj")
            where file.StartsWith("src/", StringComparison.Ordinal)
            let project = Path.GetFileNameWithoutExtension(file)
            from reference in XDocument.Parse(Checkout.Text(file)).Descendants("ProjectReference")
            let target = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value)
            where !allowed[project].Contains(target)
            select $"{project} -> {target}";

        Assert.Empty(wrong);
    }

    [Fact]
    public void EveryProject_IsInTheSolutionAndHasTests()
    {
        var solution = Checkout.Text("Runtime.sln").Replace('\\', '/');
        var projects = Checkout.Files(".csproj").ToList();
        Assert.All(projects, p => Assert.Contains(p, solution, StringComparison.Ordinal));

        var untested =
            from file in projects
            where file.StartsWith("src/", StringComparison.Ordinal)
            let name = Path.GetFileNameWithoutExtension(file)
            where !projects.Contains($"tests/{name}.Tests/{name}.Tests.csproj")
            select name;
        Assert.Empty(untested);
    }

    [Fact]
    public void LinksInDocuments_LeadSomewhere()
    {
        var broken =
            from file in Checkout.Files(".md")
            from Match link in RelativeLink().Matches(Checkout.Text(file))
            let target = link.Groups["target"].Value
            let path = Path.Combine(Checkout.Root, Path.GetDirectoryName(file)!, target)
            where !File.Exists(path) && !Directory.Exists(path)
            select $"{file} -> {target}";

        Assert.Empty(broken);
    }

    [Fact]
    public void FilesNamedInDocuments_Exist()
    {
        // ARCHITECTURE.md walks a reader through the tree; a name that has moved on misleads.
        var missing =
            from file in new[] { "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md" }
            from Match name in SourcePath().Matches(Checkout.Text(file))
            let path = Path.Combine(Checkout.Root, name.Value.TrimEnd('/'))
            where !File.Exists(path) && !Directory.Exists(path)
            select $"{file}: {name.Value}";

        Assert.Empty(missing);
    }

    private static IEnumerable<int> UnsafeBlocksWithoutNote(string[] lines)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if ((line == "unsafe" || line.StartsWith("unsafe {", StringComparison.Ordinal))
                && !lines[Math.Max(0, i - 6)..i].Any(l => l.Contains("SAFETY:", StringComparison.Ordinal)))
            {
                yield return i + 1;
            }
        }
    }

    [GeneratedRegex(@"\[(LibraryImport|DllImport)\(")]
    private static partial Regex NativeCall();

    [GeneratedRegex(@"NotImplementedException|\b(TODO|FIXME|HACK|XXX)\b(?!-)")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\]\((?<target>(?!https?:|#|mailto:)[^)#\s]+)")]
    private static partial Regex RelativeLink();

    [GeneratedRegex(@"\b(src|tests|api|bench|docs)/[A-Za-z0-9_./-]*[A-Za-z0-9_/]")]
    private static partial Regex SourcePath();
}
