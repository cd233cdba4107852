using Crisp.CriServer.Configuration;

namespace Crisp.CriServer.CommandLine.Migration;

/// <summary>One thing to do, or to know.</summary>
/// <param name="Subject">What it is about, with its file.</param>
/// <param name="Lines">Sentences, or lines for a file; those that begin with "- " and "+ " are taken away and added.</param>
internal sealed record Advice(string Subject, params IReadOnlyList<string> Lines);

/// <summary>From what kubelet and containerd are told to what they are to be told with crisp. Changes nothing.</summary>
internal sealed class MigrationAdvice(KubeletSettings kubelet, ContainerdSettings? containerd, CrispConfig config)
{
    private string Endpoint => $"unix://{config.SocketPath}";

    /// <summary>What to do, in the order in which to do it.</summary>
    public IEnumerable<Advice> All() =>
    [
        .. CgroupDriver(), .. SandboxImage(), .. Registries(), .. Handlers(), .. Network(), .. KubeletEndpoint(), Steps(),
    ];

    private IEnumerable<Advice> KubeletEndpoint()
    {
        if (!kubelet.IsThere)
        {
            yield return new Advice(
                "kubelet", "No configuration of a kubelet was found on this machine. When it joins a cluster:", $"kubeadm join ... --cri-socket {Endpoint}");
            yield break;
        }

        var endpoint = kubelet.Endpoint;
        if (endpoint?.Value == Endpoint)
        {
            yield return new Advice($"kubelet's runtime ({endpoint.File})", $"It is crisp already: {Endpoint}.");
        }
        else if (endpoint is null)
        {
            yield return new Advice($"kubelet's runtime ({KubeletSettings.ConfigPath})", $"+ containerRuntimeEndpoint: {Endpoint}");
        }
        else if (endpoint.File == KubeletSettings.ConfigPath)
        {
            yield return new Advice(
                $"kubelet's runtime ({endpoint.File})", $"- containerRuntimeEndpoint: {endpoint.Value}", $"+ containerRuntimeEndpoint: {Endpoint}");
        }
        else
        {
            yield return new Advice(
                $"kubelet's runtime ({endpoint.File})",
                $"- --container-runtime-endpoint={endpoint.Value}",
                $"+ --container-runtime-endpoint={Endpoint}");
        }

        if (kubelet.ImageEndpoint is { } images && images.Value != Endpoint)
        {
            yield return new Advice($"kubelet's image service ({images.File})", $"{images.Value} must go, or become {Endpoint}: crisp serves images on the same socket.");
        }

        yield return new Advice(
            "kubeadm",
            "Upgrades read the runtime from the node's annotation:",
            $"kubectl annotate node NODE --overwrite kubeadm.alpha.kubernetes.io/cri-socket={Endpoint}");
    }

    private IEnumerable<Advice> CgroupDriver()
    {
        var own = ConfigText.Word(config.CgroupDriver);
        var wanted = kubelet.CgroupDriver?.Value ?? (containerd is null ? null : ConfigText.Word(containerd.Driver));
        if (wanted is null || wanted == own)
        {
            yield return new Advice("cgroup driver", $"crisp's is {own}{(wanted is null ? "" : ", as it is now")}. The kubelet asks crisp for it (from 1.34 on always).");
            yield break;
        }

        yield return new Advice(
            $"cgroup driver ({ConfigFile.DefaultPath})",
            $"It is {wanted} now, by {kubelet.CgroupDriver?.File ?? ContainerdSettings.ConfigPath}, and crisp's is {own}. A running node should not change it:",
            $"+ cgroup_driver = \"{wanted}\"");
    }

    private IEnumerable<Advice> SandboxImage()
    {
        if ((kubelet.SandboxImage?.Value ?? containerd?.SandboxImage) is { } image)
        {
            yield return new Advice("sandbox image", $"{image} is not needed: crisp has no pause container. Nothing to do.");
        }
    }

    private IEnumerable<Advice> Registries()
    {
        if (containerd is null)
        {
            yield break;
        }

        var unknown = containerd.HostsDirectories.Except(config.RegistryHostDirectories).ToList();
        if (unknown.Count > 0)
        {
            var directories = unknown.Concat(config.RegistryHostDirectories);
            yield return new Advice(
                $"registries ({ConfigFile.DefaultPath})",
                "crisp reads the same hosts.toml files:",
                "+ [registry]",
                $"+ host_dirs = [{string.Join(", ", directories.Select(ConfigText.Quote))}]");
        }
        else if (containerd.HostsDirectories.Count > 0)
        {
            yield return new Advice("registries", $"crisp reads the hosts.toml files in {string.Join(", ", containerd.HostsDirectories)} too. Nothing to do.");
        }

        foreach (var (registry, endpoints) in containerd.Mirrors)
        {
            yield return new Advice(
                $"mirrors of {registry} ({Path.Combine(config.RegistryHostDirectories[^1], registry == "*" ? "_default" : registry, "hosts.toml")})",
                [.. endpoints.Select(e => $"+ [host.{ConfigText.Quote(e)}]\n+   capabilities = [\"pull\", \"resolve\"]").SelectMany(l => l.Split('\n'))]);
        }

        if (containerd.RegistryConfigs.Count > 0)
        {
            yield return new Advice(
                "registries with certificates or passwords",
                $"{string.Join(", ", containerd.RegistryConfigs)}: certificates go into hosts.toml (ca, client), passwords into the pods' imagePullSecrets. "
                + "See docs/registries.md.");
        }
    }

    private IEnumerable<Advice> Handlers()
    {
        foreach (var handler in containerd?.Handlers ?? [])
        {
            yield return new Advice(
                $"runtime handler {handler}{(containerd!.TypeOf(handler) is { } type ? $" ({type})" : "")}",
                config.Runtimes.Any(r => r.Name == handler)
                    ? "crisp has a handler of that name."
                    : $"crisp has none of that name. RuntimeClasses with \"handler: {handler}\" need another, for virtual machines kvm; pods that keep it are refused.");
        }

        if (containerd?.DefaultHandler is { } name and not "runc")
        {
            yield return new Advice(
                "default runtime handler", $"It is {name} now. crisp's default makes pods of namespaces; pods that are to be virtual machines name a RuntimeClass.");
        }
    }

    private IEnumerable<Advice> Network()
    {
        var conf = containerd?.CniConfDirectory;
        var bins = containerd?.CniBinDirectories.Except(config.CniBinDirectories).ToList() ?? [];
        if ((conf is not null && conf != config.CniConfDirectory) || bins.Count > 0)
        {
            yield return new Advice(
                $"network plugins ({ConfigFile.DefaultPath})",
                "+ [cni]",
                $"+ conf_dir = {ConfigText.Quote(conf ?? config.CniConfDirectory)}",
                $"+ bin_dirs = [{string.Join(", ", bins.Concat(config.CniBinDirectories).Select(ConfigText.Quote))}]");
        }
    }

    private static Advice Steps() => new(
        "then, node by node",
        "kubectl drain NODE --ignore-daemonsets --delete-emptydir-data",
        "systemctl stop kubelet",
        "crictl -r unix:///run/containerd/containerd.sock rmp -fa    # the DaemonSets' pods, which nobody would end later",
        "crisp install                                               # and: crisp check",
        "change the kubelet's files as above",
        "systemctl start kubelet && systemctl disable --now containerd",
        "kubectl uncordon NODE");
}
