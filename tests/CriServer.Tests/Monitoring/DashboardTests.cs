using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.Monitoring;

/// <summary>The page of metrics, its documentation and the dashboard agree.</summary>
public sealed partial class DashboardTests
{
    // What Prometheus adds by itself, and histograms have besides.
    private static readonly string[] _labelsOfAll = ["job", "instance", "le"];

    [Fact]
    public async Task EveryMetric_IsDocumentedAndNoOther()
        => Assert.Equal((await ServedAsync()).Keys.Order(), Documented().Keys.Order());

    [Fact]
    public async Task EveryQuery_AsksForMetricsThatAreServed()
    {
        var served = await ServedAsync();
        var series = served.SelectMany(m => m.Value == "histogram" ? [$"{m.Key}_bucket", $"{m.Key}_sum", $"{m.Key}_count"] : (string[])[m.Key]).ToHashSet();
        var queries = Queries().ToList();
        Assert.NotEmpty(queries);
        Assert.All(queries, query =>
        {
            var names = NamesIn(query);
            Assert.NotEmpty(names);
            Assert.All(names, name => Assert.True(series.Contains(name), $"{name} is not at /metrics. {query}"));
        });
    }

    [Fact]
    public void EveryQuery_UsesLabelsThatItsMetricHas()
    {
        var documented = Documented();
        Assert.All(Queries(), query =>
        {
            var has = NamesIn(query).Select(name => documented[Family(name, documented.Keys)]).Aggregate((a, b) => [.. a.Intersect(b)]);
            var uses = Matchers().Matches(query).SelectMany(m => Matcher().Matches(m.Value)).Select(m => m.Groups["label"].Value)
                .Concat(Groupings().Matches(query).SelectMany(m => m.Groups["labels"].Value.Split(',', StringSplitOptions.TrimEntries)));
            Assert.Empty(uses.Except(has).Except(_labelsOfAll).Select(label => $"{label} in {query}"));
        });
    }

    [Fact]
    public void EveryLegend_NamesLabelsThatItsQueryKeeps()
    {
        Assert.All(Targets(), target =>
        {
            var query = target["expr"]!.GetValue<string>();
            var kept = Groupings().Match(query) is { Success: true } by ? by.Groups["labels"].Value.Split(',', StringSplitOptions.TrimEntries)
                : query.StartsWith("sum(", StringComparison.Ordinal) || query.StartsWith("max(", StringComparison.Ordinal) ? []
                : _labelsOfAll;
            Assert.Empty(Legend().Matches(target["legendFormat"]!.GetValue<string>()).Select(m => m.Groups["label"].Value).Except(kept));
        });
    }

    [Fact]
    public void EveryPanel_HasAPlaceOfItsOwn()
    {
        var panels = Dashboard()["panels"]!.AsArray();
        Assert.Equal(panels.Count, panels.Select(p => p!["id"]!.GetValue<int>()).Distinct().Count());
        var cells =
            from panel in panels
            let at = panel["gridPos"]!
            from x in Enumerable.Range(at["x"]!.GetValue<int>(), at["w"]!.GetValue<int>())
            from y in Enumerable.Range(at["y"]!.GetValue<int>(), at["h"]!.GetValue<int>())
            select (x, y);
        Assert.DoesNotContain(cells.CountBy(c => c), c => c.Value > 1);
        Assert.All(cells, c => Assert.InRange(c.x, 0, 23));
    }

    /// <summary>Names and types, from a real page.</summary>
    private static async Task<Dictionary<string, string>> ServedAsync()
    {
        await using var server = await InProcessServer.StartAsync(c => c with { MetricsAddress = "127.0.0.1:0" });
        using var http = new HttpClient { BaseAddress = server.MetricsUrl };
        var page = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        return TypeLine().Matches(page).ToDictionary(m => m.Groups["name"].Value, m => m.Groups["type"].Value);
    }

    /// <summary>Names and labels, from the first column of the documentation's table.</summary>
    private static Dictionary<string, string[]> Documented() => (
        from line in Read("monitoring.md").Split('\n')
        where line.StartsWith("| `", StringComparison.Ordinal)
        from metric in DocumentedMetric().Matches(line.Split('|')[1])
        select metric).ToDictionary(
            m => m.Groups["name"].Value,
            m => m.Groups["labels"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries));

    private static JsonNode Dashboard() => JsonNode.Parse(Read("dashboard.json"))!;

    private static string Read(string resource)
    {
        using var reader = new StreamReader(typeof(DashboardTests).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }

    private static IEnumerable<JsonNode> Targets() =>
        Dashboard()["panels"]!.AsArray().SelectMany(p => p!["targets"]?.AsArray().Select(t => t!) ?? []);

    private static IEnumerable<string> Queries() => Targets().Select(t => t["expr"]!.GetValue<string>())
        .Concat(Dashboard()["templating"]!["list"]!.AsArray().Select(v => v!["definition"]?.GetValue<string>()).OfType<string>()
            .Select(d => LabelValues().Match(d).Groups["series"].Value));

    private static List<string> NamesIn(string query) =>
        [.. Name().Matches(Groupings().Replace(Matchers().Replace(Ranges().Replace(query, ""), ""), "")).Select(m => m.Value)];

    private static string Family(string series, IEnumerable<string> families) =>
        families.Contains(series) ? series : series[..series.LastIndexOf('_')];

    [GeneratedRegex(@"^# TYPE (?<name>\S+) (?<type>\S+)$", RegexOptions.Multiline)]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"`(?<name>[a-z_]+)(\{(?<labels>[a-z,]+)\})?`")]
    private static partial Regex DocumentedMetric();

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Matchers();

    [GeneratedRegex("""(?<label>[a-z]+)(=|!=|=~|!~)"[^"]*"(,|\})""")]
    private static partial Regex Matcher();

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex Ranges();

    [GeneratedRegex(@"\bby \((?<labels>[^)]*)\)")]
    private static partial Regex Groupings();

    // A function is followed by a parenthesis.
    [GeneratedRegex(@"[a-z_]+\b(?!\s*\()")]
    private static partial Regex Name();

    [GeneratedRegex(@"\{\{(?<label>[a-z]+)\}\}")]
    private static partial Regex Legend();

    [GeneratedRegex(@"^label_values\((?<series>.*), [a-z]+\)$")]
    private static partial Regex LabelValues();
}
