namespace Crisp.Sandbox.Protocol;

/// <summary>What both sides say in Hello. The daemon of version N drives pod processes of N and N−1.</summary>
public static class ProtocolVersion
{
    /// <summary>What this build speaks best.</summary>
    public const uint Current = 1;

    /// <summary>The oldest that this build still speaks.</summary>
    public const uint Oldest = 1;

    /// <summary>The service's name in requests.</summary>
    public const string Service = "crisp.sandbox.v1.Sandbox";

    /// <summary>Boot, Stats, and the streams of StartContainer.</summary>
    public const string VmFeature = "vm";

    public const string AttachFeature = "attach";

    public const string DialFeature = "dial";

    /// <summary>What can be done beyond the version's own rules; a side uses a feature only when the other lists it.</summary>
    public static IReadOnlyList<string> Features { get; } = ["exec", "tty", "pause", "update", "events", AttachFeature, VmFeature, DialFeature];

    /// <summary>The version to use with a client whose highest is given.</summary>
    /// <exception cref="SandboxException">FAILED_PRECONDITION when there is none.</exception>
    public static uint Agree(uint highest)
    {
        return highest >= Oldest
            ? Math.Min(highest, Current)
            : throw new SandboxException(
                RpcCode.FailedPrecondition,
                $"The versions do not meet: the caller speaks the protocol up to {highest}, this pod's process {Oldest} to {Current}.");
    }
}
