namespace Crisp.CriServer.Configuration;

/// <summary>A runtime handler, as a section <c>[runtimes.NAME]</c> describes it.</summary>
/// <param name="Name">The value of RuntimeClass.handler: a DNS label.</param>
public sealed record RuntimeConfig(string Name)
{
    public RuntimeKind Kind { get; init; } = RuntimeKind.Kvm;

    /// <summary>Of <c>crisp vm build</c>; null for that command's own.</summary>
    public string? ImageDirectory { get; init; }

    /// <summary>Of pods without a limit of processor time.</summary>
    public int Vcpus { get; init; } = 1;

    /// <summary>Bytes for the containers of pods without a limit of memory.</summary>
    public long Memory { get; init; } = 512L << 20;

    /// <summary>Bytes that a machine has beside its containers' memory: for its kernel and PID 1.</summary>
    public long Overhead { get; init; } = 128L << 20;

    /// <summary>Block devices of the node that the containers of a pod can have at once.</summary>
    public int BlockDevices { get; init; } = 4;
}

/// <summary>What pods are made of.</summary>
public enum RuntimeKind
{
    /// <summary>Processes of the node's kernel.</summary>
    Namespaces,

    /// <summary>Virtual machines.</summary>
    Kvm,
}
