using Crisp.Linux;

namespace Crisp.Sandbox.Launch;

/// <summary>The child's ends of its standard streams; null is /dev/null. Ignored where a terminal is asked for.</summary>
public sealed record StandardStreams(FileDescriptor? Stdin, FileDescriptor? Stdout, FileDescriptor? Stderr);
