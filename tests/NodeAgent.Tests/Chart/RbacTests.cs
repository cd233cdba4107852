using System.Text.RegularExpressions;
using Crisp.NodeAgent.Tests.Api;
using Crisp.NodeAgent.Tests.Reconciling;
using Xunit;

namespace Crisp.NodeAgent.Tests.Chart;

/// <summary>The chart's roles against what an agent asks in its whole life: enough, and nothing more.</summary>
public sealed partial class RbacTests
{
    public RbacTests() => Assert.SkipWhen(Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1", "needs the checkout");

    [Fact]
    public async Task Roles_AreWhatTheAgentAsks_AndNothingElse()
    {
        await using var rig = await AgentRig.CreateAsync();
        rig.Api.AddPod("web", "n1");
        // The same event a second time, by another process, is a get and a patch.
        rig.Node.Before = command => _ = command == "systemctl daemon-reload" ? throw new Crisp.Install.Host.HostException("no bus") : 0;
        await rig.StartAgentAsync();
        await rig.UntilAsync(() => rig.Api.EventReasons().Contains("InstallFailed"), "it is said");
        await rig.StopAgentAsync();
        await rig.StartAgentAsync();
        await rig.UntilAsync(() => rig.Api.Requests.Any(r => r.StartsWith("PATCH /api/v1/namespaces/default/events/", StringComparison.Ordinal)), "the event is counted");
        await rig.StopAgentAsync();
        rig.Node.Before = _ => { };
        await rig.StartAgentAsync();
        await rig.UntilAsync(() => rig.IsOnCrisp && rig.Api.LeaseHolder is null, "the node is switched");
        Assert.Equal(0, (await rig.UninstallAsync(TimeSpan.FromSeconds(40))).Code);

        var asked = rig.Api.Requests.Select(Permission).Distinct().Order().ToList();
        Assert.Equal(Granted().Order(), asked);
    }

    private static string Permission(string request)
    {
        var match = Request().Match(request);
        Assert.True(match.Success, request);
        var (space, resource) = (match.Groups["space"].Value, match.Groups["resource"].Value);
        var hasName = match.Groups["name"].Success;
        var sub = match.Groups["sub"].Success ? $"/{match.Groups["sub"].Value}" : "";
        var verb = match.Groups["method"].Value switch
        {
            "GET" => request.EndsWith("?watch", StringComparison.Ordinal) ? "watch" : hasName ? "get" : "list",
            "PATCH" => "patch",
            "PUT" => "update",
            "POST" => "create",
            var other => other,
        };
        // A namespace matters for what a Role grants; an eviction is granted in all of them.
        return $"{(sub.Length > 0 ? "" : space)} {resource}{sub} {verb}";
    }

    private static IEnumerable<string> Granted()
    {
        var documents = ChartFiles.Text("templates/rbac.yaml").Split("\n---\n");
        foreach (var document in documents.Where(d => d.Contains("\nrules:\n", StringComparison.Ordinal)))
        {
            // The rules have one template in them, a name.
            var text = Template().Replace(document[document.IndexOf("\nrules:", StringComparison.Ordinal)..], "");
            var space = document.Contains("kind: ClusterRole\n", StringComparison.Ordinal) ? ""
                : document.Contains("namespace: default\n", StringComparison.Ordinal) ? "default" : ApiServer.Space;
            foreach (var rule in ChartFiles.Yaml(text)["rules"]!.AsArray())
            {
                foreach (var resource in rule!["resources"]!.AsArray())
                {
                    foreach (var verb in rule["verbs"]!.AsArray())
                    {
                        yield return $"{space} {resource} {verb}";
                    }
                }
            }
        }
    }

    [GeneratedRegex(@"^(?<method>[A-Z]+) /apis?/([a-z.0-9]+/)?v1/(namespaces/(?<space>[^/]+)/)?(?<resource>[a-z]+)(/(?<name>[^/?]+))?(/(?<sub>[a-z]+))?(\?watch)?$")]
    private static partial Regex Request();

    [GeneratedRegex(@"\{\{[^}]*\}\}")]
    private static partial Regex Template();
}
