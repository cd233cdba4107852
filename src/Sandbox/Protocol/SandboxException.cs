namespace Crisp.Sandbox.Protocol;

/// <summary>A call to a pod's process that failed. Its operations throw it, the wire carries it, and the client throws it again.</summary>
public sealed class SandboxException(RpcCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public RpcCode Code { get; } = code;
}
