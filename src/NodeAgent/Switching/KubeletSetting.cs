namespace Crisp.NodeAgent.Switching;

/// <summary>Where a file says which runtime the kubelet uses.</summary>
internal enum KubeletFileKind
{
    /// <summary>Flags in an environment file of its unit: <c>--container-runtime-endpoint=…</c>.</summary>
    Flags,

    /// <summary>A KubeletConfiguration (kubelet.config.k8s.io/v1beta1) in YAML: <c>containerRuntimeEndpoint: …</c>.</summary>
    Configuration,
}

/// <summary>The kubelet's runtime endpoint, as it stands in one file.</summary>
/// <param name="File">On the host.</param>
/// <param name="Endpoint">unix:///…; null where the file says nothing, empty where its key has no value: the kubelet's default holds.</param>
internal sealed record KubeletSetting(string File, KubeletFileKind Kind, string? Endpoint)
{
    /// <summary>KubeletConfiguration's default of containerRuntimeEndpoint.</summary>
    public const string DefaultEndpoint = "unix:///run/containerd/containerd.sock";

    public string EffectiveEndpoint => string.IsNullOrEmpty(Endpoint) ? DefaultEndpoint : Endpoint;
}
