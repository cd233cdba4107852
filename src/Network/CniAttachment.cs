namespace Crisp.Network;

/// <summary>A pod that joins a network, or leaves it. The container id and the interface name it.</summary>
public sealed record CniAttachment
{
    /// <summary>The interface that Kubernetes expects in a pod.</summary>
    public const string DefaultInterface = "eth0";

    /// <summary>The pod's id.</summary>
    public required string ContainerId { get; init; }

    public string InterfaceName { get; init; } = DefaultInterface;

    /// <summary>A path that leads to the pod's network namespace; empty once that is gone.</summary>
    public required string Netns { get; init; }

    /// <summary>CNI_ARGS, such as K8S_POD_NAME.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();

    public CapabilityArguments Capabilities { get; init; } = new();

    /// <summary>What plugins for Kubernetes look up their pod by; a plugin that knows none of it must not mind.</summary>
    public static IReadOnlyDictionary<string, string> KubernetesArguments(string podNamespace, string podName, string podUid, string containerId)
        => new Dictionary<string, string>
        {
            ["IgnoreUnknown"] = "1",
            ["K8S_POD_NAMESPACE"] = podNamespace,
            ["K8S_POD_NAME"] = podName,
            ["K8S_POD_INFRA_CONTAINER_ID"] = containerId,
            ["K8S_POD_UID"] = podUid,
        };

    /// <summary>Checks what becomes part of paths, and of the environment of programs.</summary>
    /// <exception cref="CniException">What is wrong.</exception>
    internal void Check()
    {
        if (!CniName.IsIdentifier(ContainerId))
        {
            throw new CniException($"\"{PrintableText.From(ContainerId, 100)}\" is no container id of CNI.");
        }

        if (!CniName.IsInterface(InterfaceName))
        {
            throw new CniException($"\"{PrintableText.From(InterfaceName, 100)}\" is no name of a network interface.");
        }

        foreach (var (key, value) in Arguments)
        {
            // A semicolon would begin a further argument.
            if (key.Length == 0 || key.AsSpan().IndexOfAny(";=\0") >= 0 || value.AsSpan().IndexOfAny(";\0") >= 0)
            {
                throw new CniException($"The CNI argument {PrintableText.From($"{key}={value}", 100)} must have neither \";\" nor NUL.");
            }
        }
    }
}
