using Crisp.Linux;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// The child's ends of its standard streams, which belong to its user; null is /dev/null. Ignored where a terminal is asked for.
/// </summary>
/// <remarks>Their numbers are above 2, as are those of every descriptor that a process opens which has the first three.</remarks>
public sealed record StandardStreams(FileDescriptor? Stdin, FileDescriptor? Stdout, FileDescriptor? Stderr);
