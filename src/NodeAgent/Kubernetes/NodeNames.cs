namespace Crisp.NodeAgent.Kubernetes;

/// <summary>The labels and annotations of a node that the agent reads and writes.</summary>
internal static class NodeNames
{
    public const string Prefix = "crisp.dev/";

    /// <summary>An administrator's label: the node is to run crisp. The only one that the agent does not write.</summary>
    public const string Runtime = Prefix + "runtime";

    public const string RuntimeValue = "crisp";

    /// <summary>The version that is installed. While it is there, the DaemonSet keeps its pod on the node, to clean up.</summary>
    public const string Version = Prefix + "version";

    /// <summary>
    /// "true" while the kubelet is on crisp, for the RuntimeClasses: <see cref="Runtime"/> is there long before, and <see cref="Version"/>
    /// as soon as crisp is installed beside the old runtime.
    /// </summary>
    public const string Active = Prefix + "active";

    /// <summary>Whether pods with runtimeHandler kvm run: hardware, and a guest image of the version.</summary>
    public const string Kvm = Prefix + "kvm";

    /// <summary>1 or 2.</summary>
    public const string CgroupVersion = Prefix + "cgroup-version";

    /// <summary>Whether pods with hostUsers: false run.</summary>
    public const string UserNamespaces = Prefix + "user-namespaces";

    /// <summary>An annotation: why the node's last switch was taken back. It holds up all further switches until it is removed.</summary>
    public const string SwitchFailed = Prefix + "switch-failed";

    /// <summary>An annotation: it was the agent that cordoned the node, and so it may uncordon it.</summary>
    public const string Cordoned = Prefix + "cordoned";

    /// <summary>kubeadm's annotation of the CRI socket that it uses at its next upgrade.</summary>
    public const string KubeadmSocket = "kubeadm.alpha.kubernetes.io/cri-socket";

    /// <summary>What the agent takes away when crisp has gone.</summary>
    public static IReadOnlyList<string> OwnLabels { get; } = [Version, Active, Kvm, CgroupVersion, UserNamespaces];
}
