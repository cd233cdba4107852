using Crisp.Cgroups;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.CommandLine.Migration;
using Crisp.CriServer.Configuration;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Migration;

public sealed class MigrateFromTests
{
    private const string Kubeadm = "/var/lib/kubelet/kubeadm-flags.env";

    private const string KubeletConfig =
        """
        apiVersion: kubelet.config.k8s.io/v1beta1
        authentication:
          x509:
            clientCAFile: /etc/kubernetes/pki/ca.crt
        cgroupDriver: systemd
        containerRuntimeEndpoint: ""
        kind: KubeletConfiguration
        """;

    private const string Version2 =
        """
        version = 2
        [plugins."io.containerd.grpc.v1.cri"]
          sandbox_image = "registry.k8s.io/pause:3.9"
          [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "/opt/vendor/bin"
            conf_dir = "/etc/cni/net.d"
          [plugins."io.containerd.grpc.v1.cri".containerd]
            default_runtime_name = "runc"
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
              runtime_type = "io.containerd.runc.v2"
              [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                SystemdCgroup = true
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
              runtime_type = "io.containerd.kata.v2"
          [plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
            endpoint = ["https://mirror.example", "https://registry-1.docker.io"]
          [plugins."io.containerd.grpc.v1.cri".registry.configs."private.example".auth]
            username = "x"
        """;

    private const string Version3 =
        """
        version = 3
        [plugins.'io.containerd.cri.v1.images'.pinned_images]
          sandbox = 'registry.k8s.io/pause:3.10'
        [plugins.'io.containerd.cri.v1.images'.registry]
          config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'
        [plugins.'io.containerd.cri.v1.runtime'.containerd]
          default_runtime_name = 'kata'
          [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
            SystemdCgroup = false
        [plugins.'io.containerd.cri.v1.runtime'.cni]
          bin_dirs = ['/opt/cni/bin']
        """;

    [Fact]
    public void Kubeadm_GetsTheFlagReplaced()
        => Assert.Contains(
            $"""
            kubelet's runtime ({Kubeadm})
                - --container-runtime-endpoint=unix:///run/containerd/containerd.sock
                + --container-runtime-endpoint=unix:///run/crisp/crisp.sock
            """,
            Say((Kubeadm, "KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock --pod-infra-container-image=registry.k8s.io/pause:3.9\"\n")),
            StringComparison.Ordinal);

    [Fact]
    public void KubeletsFile_GetsTheLineReplacedOrAdded()
    {
        Assert.Contains("+ containerRuntimeEndpoint: unix:///run/crisp/crisp.sock", Say((KubeletSettings.ConfigPath, KubeletConfig)), StringComparison.Ordinal);
        var set = KubeletConfig.Replace("\"\"", "unix:///run/containerd/containerd.sock # kubeadm 1.36", StringComparison.Ordinal);
        Assert.Contains("- containerRuntimeEndpoint: unix:///run/containerd/containerd.sock\n", Say((KubeletSettings.ConfigPath, set)), StringComparison.Ordinal);
        var json = """{"kind":"KubeletConfiguration","containerRuntimeEndpoint":"unix:///run/x.sock"}""";
        Assert.Contains("- containerRuntimeEndpoint: unix:///run/x.sock\n", Say((KubeletSettings.ConfigPath, json)), StringComparison.Ordinal);
    }

    [Fact]
    public void Node_ThatUsesCrispAlready_IsToldSo()
        => Assert.Contains(
            "It is crisp already", Say((Kubeadm, "X=\"--container-runtime-endpoint unix:///run/crisp/crisp.sock\"")), StringComparison.Ordinal);

    [Fact]
    public void Flags_InComments_DoNotCount()
        => Assert.Contains(
            "- --container-runtime-endpoint=unix:///run/containerd/containerd.sock\n",
            Say(
                (Kubeadm, "X=\"--container-runtime-endpoint=unix:///run/containerd/containerd.sock\"\n"),
                ("/etc/default/kubelet", "# X=--container-runtime-endpoint=unix:///run/old.sock\n ; --container-runtime-endpoint=unix:///run/older.sock\n")),
            StringComparison.Ordinal);

    [Fact]
    public void CgroupDriver_StaysWhatItIs()
    {
        Assert.Contains("+ cgroup_driver = \"systemd\"", Say((KubeletSettings.ConfigPath, KubeletConfig)), StringComparison.Ordinal);
        Assert.Contains("+ cgroup_driver = \"systemd\"", Say((ContainerdSettings.ConfigPath, Version2)), StringComparison.Ordinal);
        Assert.Contains("crisp's is cgroupfs, as it is now", Say((ContainerdSettings.ConfigPath, Version3)), StringComparison.Ordinal);
        var systemd = new CrispConfig { CgroupDriver = CgroupDriver.Systemd };
        Assert.Contains("crisp's is systemd, as it is now", Say(systemd, (KubeletSettings.ConfigPath, KubeletConfig)), StringComparison.Ordinal);
    }

    [Fact]
    public void SandboxImage_IsNotNeeded()
    {
        Assert.Contains("registry.k8s.io/pause:3.9 is not needed", Say((ContainerdSettings.ConfigPath, Version2)), StringComparison.Ordinal);
        Assert.Contains("registry.k8s.io/pause:3.10 is not needed", Say((ContainerdSettings.ConfigPath, Version3)), StringComparison.Ordinal);
    }

    [Fact]
    public void Registries_BecomeHostsFiles()
    {
        var old = Say((ContainerdSettings.ConfigPath, Version2));
        Assert.Contains("docker.io/hosts.toml)\n    + [host.\"https://mirror.example\"]\n    +   capabilities = [\"pull\", \"resolve\"]\n", old, StringComparison.Ordinal);
        Assert.Contains("private.example: certificates go into hosts.toml", old, StringComparison.Ordinal);
        Assert.Contains("+ host_dirs = [\"/etc/docker/certs.d\", ", Say(
            new CrispConfig { RegistryHostDirectories = ["/etc/containerd/certs.d"] }, (ContainerdSettings.ConfigPath, Version3)), StringComparison.Ordinal);
    }

    [Fact]
    public void Handlers_ThatCrispDoesNotHave_AreNamed()
    {
        Assert.Contains("runtime handler kata (io.containerd.kata.v2)\n    crisp has none of that name.", Say((ContainerdSettings.ConfigPath, Version2)), StringComparison.Ordinal);
        Assert.Contains("default runtime handler\n    It is kata now.", Say((ContainerdSettings.ConfigPath, Version3)), StringComparison.Ordinal);
    }

    [Fact]
    public void Plugins_InOtherDirectories_AreConfigured()
    {
        Assert.Contains("+ bin_dirs = [\"/opt/vendor/bin\", \"/opt/cni/bin\", ", Say((ContainerdSettings.ConfigPath, Version2)), StringComparison.Ordinal);
        Assert.DoesNotContain("network plugins", Say((ContainerdSettings.ConfigPath, Version3)), StringComparison.Ordinal);
    }

    [Fact]
    public void Node_WithoutAKubelet_IsToldHowToJoin()
        => Assert.Contains("kubeadm join ... --cri-socket unix:///run/crisp/crisp.sock", Say(), StringComparison.Ordinal);

    [Theory]
    [InlineData(ContainerdSettings.ConfigPath, "version = = 2")]
    [InlineData(KubeletSettings.ConfigPath, "{\"kind\":")]
    public void File_ThatCannotBeUnderstood_IsNamed(string file, string text)
        => Assert.Contains($"{file} cannot be understood", Assert.Throws<CommandException>(() => Say((file, text))).Message, StringComparison.Ordinal);

    private static string Say(params (string Path, string Text)[] files) => Say(new CrispConfig(), files);

    private static string Say(CrispConfig config, params (string Path, string Text)[] files)
        => string.Concat(MigrateFromCommand.Read(path => files.FirstOrDefault(f => f.Path == path).Text, config)
            .Select(a => $"{a.Subject}\n{string.Concat(a.Lines.Select(l => $"    {l}\n"))}\n"));
}
