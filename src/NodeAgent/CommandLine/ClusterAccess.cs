using System.CommandLine;
using k8s;

namespace Crisp.NodeAgent.CommandLine;

/// <summary>Where the API server is: the pod's service account says, or a kubeconfig where there is no pod.</summary>
internal sealed class ClusterAccess
{
    private readonly Option<string?> _file = new("--kubeconfig") { HelpName = "FILE", Description = "A kubeconfig, to try it outside of a cluster (default: the pod's service account)" };

    public void AddTo(Command command) => command.Add(_file);

    /// <exception cref="k8s.Exceptions.KubeConfigException">There is neither.</exception>
    public KubernetesClientConfiguration Read(ParseResult parsed) => parsed.GetValue(_file) is { } file
        ? KubernetesClientConfiguration.BuildConfigFromConfigFile(file)
        : KubernetesClientConfiguration.InClusterConfig();
}
