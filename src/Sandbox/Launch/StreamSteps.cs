using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that connect standard input, output and error; what is not given is the null device.</summary>
internal sealed class StreamSteps(PlanBuilder builder, StandardStreams streams)
{
    /// <param name="devfs">The container's own /dev, which has the null device.</param>
    internal void Connect(PlanDescriptor devfs)
    {
        builder.Label("Connect standard streams");
        ConnectWith(builder.OpenAt2(devfs, "null", OpenFlags.ReadWrite, ResolveFlags.Beneath | ResolveFlags.NoSymlinks).As("null"));
    }

    internal void ConnectWith(PlanDescriptor nothing)
    {
        builder.Label("Connect standard streams");
        Connect(0, "stdin", streams.Stdin, nothing);
        Connect(1, "stdout", streams.Stdout, nothing);
        Connect(2, "stderr", streams.Stderr, nothing);
    }

    private void Connect(int number, string name, FileDescriptor? file, PlanDescriptor nothing)
        => builder.Dup3(file is null ? nothing : builder.Descriptor(name, file), number);
}
