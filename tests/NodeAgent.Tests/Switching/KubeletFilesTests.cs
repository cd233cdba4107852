using Crisp.Linux.Tests;
using Crisp.Install.Host;
using Crisp.NodeAgent.Switching;
using Xunit;

namespace Crisp.NodeAgent.Tests.Switching;

public sealed class KubeletFilesTests : IDisposable
{
    private const string Flags = "/var/lib/kubelet/kubeadm-flags.env";
    private const string Config = "/var/lib/kubelet/config.yaml";
    private const string Crisp = "unix:///run/crisp/crisp.sock";
    private static readonly string[] s_files = [Flags, "/etc/default/kubelet", Config];
    private readonly TemporaryDirectory _directory = new();
    private readonly HostRoot _host;

    public KubeletFilesTests() => _host = new HostRoot(_directory.Path);

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("KUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock --pod-infra-container-image=pause:3.10\"\n")]
    [InlineData("KUBELET_KUBEADM_ARGS=\"--v=2 --container-runtime-endpoint unix:///var/run/containerd/containerd.sock\"")]
    [InlineData("# --container-runtime-endpoint=unix:///old.sock\nARGS=--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock\n")]
    public void Flags_AreFoundChangedAndPutBack(string text)
    {
        _host.WriteText(Flags, text);
        _host.WriteText(Config, "containerRuntimeEndpoint: unix:///ignored.sock\n");
        var before = KubeletFiles.Find(_host, s_files);
        Assert.Equal(new KubeletSetting(Flags, KubeletFileKind.Flags, "unix:///var/run/containerd/containerd.sock"), before);

        KubeletFiles.Apply(_host, before with { Endpoint = Crisp });
        Assert.Equal(text.Replace("unix:///var/run/containerd/containerd.sock", Crisp, StringComparison.Ordinal), _host.ReadText(Flags));
        Assert.Equal(Crisp, KubeletFiles.Find(_host, s_files).Endpoint);

        KubeletFiles.Apply(_host, before);
        Assert.Equal(text, _host.ReadText(Flags));
    }

    [Theory]
    [InlineData("KUBELET_KUBEADM_ARGS=--container-runtime-endpoint=unix:///one.sock\n", "KUBELET_EXTRA_ARGS=--container-runtime-endpoint=unix:///two.sock\n")]
    [InlineData("", "ARGS=\"--container-runtime-endpoint=unix:///one.sock --container-runtime-endpoint=unix:///two.sock\"\n")]
    public void LastFlag_Counts(string kubeadm, string extra)
    {
        _host.WriteText(Flags, kubeadm);
        _host.WriteText("/etc/default/kubelet", extra);
        var before = KubeletFiles.Find(_host, s_files);
        Assert.Equal(new KubeletSetting("/etc/default/kubelet", KubeletFileKind.Flags, "unix:///two.sock"), before);

        KubeletFiles.Apply(_host, before with { Endpoint = Crisp });
        Assert.Equal(kubeadm, _host.ReadText(Flags));
        Assert.Equal(extra.Replace("unix:///two.sock", Crisp, StringComparison.Ordinal), _host.ReadText("/etc/default/kubelet"));
    }

    [Theory]
    [InlineData("kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///var/run/containerd/containerd.sock\nfailSwapOn: true\n", "unix:///var/run/containerd/containerd.sock")]
    [InlineData("containerRuntimeEndpoint: \"unix:///a b.sock\" # ours\n", "unix:///a b.sock")]
    [InlineData("containerRuntimeEndpoint: 'unix:///a b.sock'\nkind: KubeletConfiguration", "unix:///a b.sock")]
    [InlineData("kind: KubeletConfiguration\ncontainerRuntimeEndpoint:\tunix:///a.sock # ours", "unix:///a.sock")]
    [InlineData("kind: KubeletConfiguration\nlogging:\n  containerRuntimeEndpoint: no\n", null)]
    [InlineData("kind: KubeletConfiguration", null)]
    [InlineData("", null)]
    public void Configuration_IsFoundChangedAndPutBack(string text, string? endpoint)
    {
        _host.WriteText(Flags, "KUBELET_KUBEADM_ARGS=\"--v=2\"\n");
        _host.WriteText(Config, text);
        var before = KubeletFiles.Find(_host, s_files);
        Assert.Equal(new KubeletSetting(Config, KubeletFileKind.Configuration, endpoint), before);
        Assert.Equal(endpoint ?? "unix:///run/containerd/containerd.sock", before.EffectiveEndpoint);

        KubeletFiles.Apply(_host, before with { Endpoint = Crisp });
        Assert.Equal(Crisp, KubeletFiles.Find(_host, s_files).Endpoint);
        Assert.Equal(text.Contains("# ours", StringComparison.Ordinal), _host.ReadText(Config)!.Contains("# ours", StringComparison.Ordinal));
        KubeletFiles.Apply(_host, before);
        Assert.Equal(text, _host.ReadText(Config));
    }

    [Theory]
    [InlineData("kind: KubeletConfiguration\ncontainerRuntimeEndpoint:\n")]
    [InlineData("containerRuntimeEndpoint: # the default\n")]
    [InlineData("containerRuntimeEndpoint: \"\"\n")]
    public void KeyWithoutAValue_IsTheDefault_AndNeverThereTwice(string text)
    {
        _host.WriteText(Config, text);
        var before = KubeletFiles.Find(_host, s_files);
        Assert.Equal("unix:///run/containerd/containerd.sock", before.EffectiveEndpoint);
        KubeletFiles.Apply(_host, before);
        Assert.Equal(text, _host.ReadText(Config));

        KubeletFiles.Apply(_host, before with { Endpoint = Crisp });
        Assert.Equal(Crisp, KubeletFiles.Find(_host, s_files).Endpoint);
        Assert.Equal(2, _host.ReadText(Config)!.Split("containerRuntimeEndpoint:").Length);
        KubeletFiles.Apply(_host, before);
        Assert.Equal(before, KubeletFiles.Find(_host, s_files));
    }

    [Fact]
    public void WayBack_KeepsWhatOthersHaveChanged()
    {
        _host.WriteText(Config, "kind: KubeletConfiguration\nmaxPods: 110\n");
        var before = KubeletFiles.Find(_host, s_files);
        KubeletFiles.Apply(_host, before with { Endpoint = Crisp });
        _host.WriteText(Config, _host.ReadText(Config)!.Replace("110", "250", StringComparison.Ordinal));

        KubeletFiles.Apply(_host, before);
        Assert.Equal("kind: KubeletConfiguration\nmaxPods: 250\n", _host.ReadText(Config));
    }

    [Fact]
    public void KubeletThatCannotBeChanged_IsASentence()
    {
        _host.WriteText(Flags, "KUBELET_KUBEADM_ARGS=\"--v=2\"\n");
        var error = Assert.Throws<HostException>(() => KubeletFiles.Find(_host, s_files));
        Assert.StartsWith($"None of {Flags}, /etc/default/kubelet, {Config} on the host holds the kubelet's container runtime endpoint.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FlagThatSomebodyHasRemoved_IsASentence()
    {
        _host.WriteText(Flags, "KUBELET_KUBEADM_ARGS=\"\"\n");
        var error = Assert.Throws<HostException>(() => KubeletFiles.Apply(_host, new KubeletSetting(Flags, KubeletFileKind.Flags, Crisp)));
        Assert.Contains("has no --container-runtime-endpoint any more", error.Message, StringComparison.Ordinal);
    }
}
