using Crisp.Network;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The pods' network: a configuration, its plugins' programs, and a kernel that forwards.</summary>
internal static class CniProbe
{
    private const string Name = "CNI";
    private const string Harm = "The node is not NetworkReady: only pods with the node's network (hostNetwork: true) run.";
    private static readonly string[] _forwarding = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        var (network, problem) = new CniDirectory(context.Config.CniConfDirectory).Current;
        if (network is null)
        {
            yield return CheckResult.Missing(Name, problem, $"{Harm} Install a network plugin.");
            yield break;
        }

        var missing = network.Plugins.Select(p => p.Type).Distinct().Select(type => Missing(type, context.Config.CniBinDirectories)).OfType<string>().ToList();
        yield return missing.Count > 0 ? CheckResult.Missing(Name, string.Join(" ", missing), Harm)
            : problem.Length > 0 ? CheckResult.Warning(Name, $"network {network.Name}, though {problem}", "Correct or remove the file.")
            : CheckResult.Ok(Name, $"network {network.Name} of {network.Source}: {string.Join(", ", network.Plugins.Select(p => p.Type))}");

        foreach (var forwarding in _forwarding.Where(f => Sysctl.Read(f) is 0))
        {
            yield return CheckResult.Warning(forwarding, "0", $"Pods reach nothing beyond this node by that protocol, unless the plugin turns it on: sysctl -w {forwarding}=1");
        }
    }

    private static string? Missing(string type, IReadOnlyList<string> directories)
    {
        try
        {
            CniPlugin.Find(type, directories);
            return null;
        }
        catch (CniException e)
        {
            return e.Message;
        }
    }
}
