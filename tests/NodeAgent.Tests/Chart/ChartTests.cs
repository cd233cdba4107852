using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Crisp.NodeAgent.CommandLine;
using Crisp.NodeAgent.Configuration;
using Crisp.NodeAgent.Kubernetes;
using Crisp.Repository.Tests;
using Xunit;

namespace Crisp.NodeAgent.Tests.Chart;

/// <summary>The chart: values, schema, templates and the agent's command line say the same.</summary>
public sealed partial class ChartTests
{
    public ChartTests() => Assert.SkipWhen(Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1", "needs the checkout");

    public static TheoryData<string, string> ValueSets { get; } = new()
    {
        { "defaults", "" },
        {
            "everything",
            """
            kubelet: {switch: true, files: [/etc/kubernetes/kubelet.yaml]}
            drain: {deleteEmptyDirData: true, force: true}
            config: |
              [log]
              level = "debug"
            metrics: {podMonitor: {enabled: true, labels: {release: prometheus}}, serviceMonitor: {enabled: true}}
            imagePullSecrets: [{name: pull}]
            """
        },
        {
            "nothing",
            """
            runtimeClasses: {kvm: {enabled: false}, crisp: {enabled: false}}
            rbac: {create: false}
            serviceAccount: {create: false, name: mine}
            guestImage: {build: false}
            tolerations: []
            uninstall: {tolerations: [{operator: Exists, key: dedicated}]}
            """
        },
    };

    [Fact]
    public void Values_PassTheirSchema() => Assert.Empty(new JsonSchema(ChartFiles.Schema).Problems(ChartFiles.Values));

    [Theory]
    [InlineData("kubelet: {swich: true}", "/kubelet/swich is not allowed")]
    [InlineData("kubelet: {switch: \"yes\"}", "/kubelet/switch is no boolean")]
    [InlineData("drain: {timeout: 15}", "/drain/timeout is no string")]
    [InlineData("drain: {timeout: 15 minutes}", "/drain/timeout is \"15 minutes\", which does not match ^[1-9][0-9]{0,4}[smh]$")]
    [InlineData("kubelet: {files: []}", "/kubelet/files is too short")]
    [InlineData("agent: {port: 97420}", "/agent/port is 97420, which is out of range")]
    [InlineData("image: {repository: \"\"}", "/image/repository is empty")]
    [InlineData("agent: {log: {level: loud}}", "/agent/log/level is loud, which is none of [\"trace\",\"debug\",\"information\",\"warning\",\"error\",\"critical\"]")]
    public void WrongValue_IsRefusedByTheSchema(string values, string problem)
        => Assert.Equal([problem], new JsonSchema(ChartFiles.Schema).Problems(ChartFiles.Yaml(values)));

    [Fact]
    public void EveryValueThatATemplateUses_Exists()
    {
        var missing =
            from file in ChartFiles.Templates
            from Match use in Use().Matches(File.ReadAllText(file))
            where Find(ChartFiles.Values, use.Groups["path"].Value) is null
            select $"{Path.GetFileName(file)}: .Values.{use.Groups["path"].Value}";

        Assert.Empty(missing);
    }

    [Fact]
    public void EveryValue_IsUsed_AndInTheSchema()
    {
        var used = ChartFiles.Templates.SelectMany(f => Use().Matches(File.ReadAllText(f))).Select(m => m.Groups["path"].Value).ToHashSet();
        var inBlocks = ChartFiles.Templates.SelectMany(f => Field().Matches(File.ReadAllText(f))).Select(m => m.Groups["name"].Value).ToHashSet();
        var idle =
            from path in Leaves(ChartFiles.Values, "")
            // With a block (with .Values.x) the template names the rest alone.
            where !used.Any(u => path == u || (path.StartsWith(u + ".", StringComparison.Ordinal) && (inBlocks.Contains(path[(u.Length + 1)..].Split('.')[0]) || IsFree(u))))
            select path;

        Assert.Empty(idle);
        Assert.All(Leaves(ChartFiles.Values, ""), p => Assert.True(IsInSchema(p), p));
    }

    [Theory]
    [InlineData("daemonset.yaml", "run")]
    [InlineData("uninstall.yaml", "uninstall")]
    public void EveryArgument_IsAnOptionOfTheAgent(string template, string command)
    {
        var options = AgentCommand.Create().Subcommands.Single(c => c.Name == command).Options.Select(o => o.Name).ToHashSet();
        var arguments = Argument().Matches(ChartFiles.Text($"templates/{template}")).Select(m => m.Groups["name"].Value).ToList();

        Assert.NotEmpty(arguments);
        Assert.All(arguments, a => Assert.Contains(a, options));
        // All options but those that the agent's own defaults are right for in a pod.
        var unset = options.Except(arguments).Except(["--endpoint", "--kubeconfig", "--help", "--version"]);
        Assert.Empty(unset);
    }

    [Fact]
    public void DefaultsOfTheChart_AreTheAgents()
    {
        var values = ChartFiles.Values;
        var options = new AgentOptions { NodeName = "", Namespace = "" };
        Assert.Equal(options.Listen, $"{values["agent"]!["address"]}:{values["agent"]!["port"]}");
        Assert.Equal(options.KubeletFiles, values["kubelet"]!["files"]!.AsArray().Select(f => $"{f}"));
        Assert.Equal(options.KubeletUnit, $"{values["kubelet"]!["unit"]}");
        Assert.Equal(options.KubeletHealth, $"{values["kubelet"]!["health"]}");
        Assert.Equal(options.SwitchPatience, AgentSettings.ParseTime("patience", $"{values["kubelet"]!["patience"]}"));
        Assert.Equal(options.Drain.Timeout, AgentSettings.ParseTime("timeout", $"{values["drain"]!["timeout"]}"));
    }

    [Fact]
    public void RuntimeClasses_SelectNodesThatRunCrisp()
    {
        var selectors = ChartFiles.Text("templates/runtimeclasses.yaml").Split("nodeSelector:")[1..];
        Assert.Equal(2, selectors.Length);
        Assert.All(selectors, s => Assert.Contains($"{NodeNames.Active}: \"true\"", s, StringComparison.Ordinal));
        Assert.Contains($"{NodeNames.Kvm}: \"true\"", selectors[1], StringComparison.Ordinal);
    }

    [Fact]
    public void UninstallThatIsCalledOff_IsNotTriedAgain_AndItsPodDoesNotStayOnACordonedNode()
    {
        var job = ChartFiles.Text("templates/uninstall.yaml");
        Assert.Contains($"values: [{UninstallCommand.CalledOff}]", job, StringComparison.Ordinal);
        Assert.Contains(".Values.uninstall.tolerations", job, StringComparison.Ordinal);
        var tolerations = ChartFiles.Values["uninstall"]!["tolerations"]!.AsArray();
        Assert.All(tolerations, t => Assert.NotNull(t!["key"]));
        Assert.DoesNotContain(tolerations, t => $"{t!["key"]}" == "node.kubernetes.io/unschedulable");
    }

    [Fact]
    public void Version_IsTheRepositorys()
    {
        var chart = ChartFiles.Yaml(ChartFiles.Text("Chart.yaml"));
        Assert.Contains($"<Version>{chart["appVersion"]}</Version>", Checkout.Text("Directory.Build.props"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(ValueSets))]
    public void ValueSets_PassTheSchema_AndRender(string name, string values)
    {
        var merged = values.Length == 0 ? [] : ChartFiles.Yaml(values).AsObject();
        Assert.True(new JsonSchema(ChartFiles.Schema).Problems(merged).All(p => p.EndsWith(" is missing", StringComparison.Ordinal)), name);
        var helm = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(d => Path.Combine(d, "helm")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(helm is null, "needs helm in PATH");

        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, values);
            Run(helm!, "lint", "--strict", ChartFiles.Directory, "--values", file);
            Run(helm!, "template", "crisp", ChartFiles.Directory, "--namespace", "crisp-system", "--values", file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', arguments)}: {error}{output.Result}");
    }

    private static JsonNode? Find(JsonNode root, string path)
    {
        var node = root;
        foreach (var part in path.Split('.'))
        {
            // An empty list or text is there, too.
            if (node is not JsonObject map || !map.TryGetPropertyValue(part, out node))
            {
                return null;
            }
        }

        return node ?? "";
    }

    private static IEnumerable<string> Leaves(JsonObject values, string prefix) => values.SelectMany(v =>
        v.Value is JsonObject { Count: > 0 } inner ? Leaves(inner, $"{prefix}{v.Key}.") : [$"{prefix}{v.Key}"]);

    // Whole maps that go into the object as they are.
    private static bool IsFree(string path) => path is "nodeSelector" or "agent.resources";

    private static bool IsInSchema(string path)
    {
        var schema = ChartFiles.Schema;
        var node = (JsonObject?)schema;
        foreach (var part in path.Split('.'))
        {
            node = node?["properties"]?[part] as JsonObject ?? (node?["additionalProperties"] as JsonObject) ?? (node?["properties"] is null ? node : null);
            if (node?["$ref"] is { } reference)
            {
                node = schema["definitions"]![$"{reference}"["#/definitions/".Length..]] as JsonObject;
            }
        }

        return node is not null;
    }

    [GeneratedRegex(@"\.Values\.(?<path>[A-Za-z0-9]+(\.[A-Za-z0-9]+)*)")]
    private static partial Regex Use();

    [GeneratedRegex(@"[ (]\.(?<name>[a-z][A-Za-z0-9]*)")]
    private static partial Regex Field();

    [GeneratedRegex(@"^\s+- (?<name>--[a-z-]+)", RegexOptions.Multiline)]
    private static partial Regex Argument();
}
