namespace Crisp.NodeAgent.Kubernetes;

/// <summary>The API server did not do what was asked of it, also after retries.</summary>
/// <param name="status">Its HTTP status; null when it did not answer.</param>
internal sealed class ClusterException(string message, int? status, Exception inner) : Exception(message, inner)
{
    public int? Status => status;
}
