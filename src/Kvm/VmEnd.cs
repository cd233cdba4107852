namespace Crisp.Kvm;

/// <summary>How a virtual machine came to its end.</summary>
public enum VmOutcome
{
    /// <summary>Every processor halted with nothing that could wake it.</summary>
    Halted,

    /// <summary>The guest switched the machine off.</summary>
    PoweredOff,

    /// <summary>The guest asked for a reset.</summary>
    Reset,

    /// <summary>An exception, while the processor delivered one, while it delivered another.</summary>
    TripleFault,

    /// <summary>The monitor was told to end it.</summary>
    Stopped,

    /// <summary>It could not go on.</summary>
    Failed,
}

/// <summary>A virtual machine's end.</summary>
/// <param name="Sentence">For people.</param>
/// <param name="Failure">What the monitor itself failed at.</param>
public sealed record VmEnd(VmOutcome Outcome, string Sentence, Exception? Failure = null);
