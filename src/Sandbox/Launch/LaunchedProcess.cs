using Crisp.Linux;

namespace Crisp.Sandbox.Launch;

/// <summary>A process that runs its program. Both descriptors are the receiver's to dispose.</summary>
/// <param name="Pid">A child of this process, the receiver's to wait for.</param>
/// <param name="Terminal">The master of its terminal, where one was asked for.</param>
public sealed record LaunchedProcess(int Pid, FileDescriptor Pidfd, FileDescriptor? Terminal);
