using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that connect standard input, output and error.</summary>
internal sealed class StreamSteps(PlanBuilder builder, StandardStreams streams, PodNamespaces namespaces)
{
    private readonly (int Number, FileDescriptor? File, PlanDescriptor? Descriptor)[] _streams =
    [
        (0, streams.Stdin, Describe(builder, "stdin", streams.Stdin)),
        (1, streams.Stdout, Describe(builder, "stdout", streams.Stdout)),
        (2, streams.Stderr, Describe(builder, "stderr", streams.Stderr)),
    ];

    /// <summary>
    /// Lets the user open /dev/stdout and the like anew, which needs a pipe of its own. Before the user namespace is joined,
    /// which has no power over the node's pipes.
    /// </summary>
    internal void GiveToUser(ResolvedUser user)
    {
        const uint Unchanged = uint.MaxValue;
        if (IdMap.ToNode(namespaces.UidMappings, user.Uid) is not (> 0 and var owner))
        {
            return;
        }

        builder.Label("Give the streams to the user");
        foreach (var (_, _, descriptor) in _streams)
        {
            if (descriptor is { } stream)
            {
                builder.FchownAt(stream, "", owner, Unchanged).Accept(Errno.EPERM, Errno.EROFS, Errno.EINVAL);
            }
        }
    }

    /// <param name="devfs">A directory with a null device that can be trusted.</param>
    internal void Connect(PlanDescriptor devfs)
    {
        builder.Label("Connect standard streams");
        PlanDescriptor? nothing = null;
        foreach (var (number, _, descriptor) in _streams)
        {
            var stream = descriptor
                ?? (nothing ??= builder.OpenAt2(devfs, "null", OpenFlags.ReadWrite, ResolveFlags.Beneath | ResolveFlags.NoSymlinks).As("null"));
            builder.Dup3(stream, number);
        }
    }

    /// <param name="nothing">The null device.</param>
    internal void ConnectWith(PlanDescriptor nothing)
    {
        builder.Label("Connect standard streams");
        foreach (var (number, _, descriptor) in _streams)
        {
            builder.Dup3(descriptor ?? nothing, number);
        }
    }

    private static PlanDescriptor? Describe(PlanBuilder builder, string name, FileDescriptor? file)
        => file is null ? null : builder.Descriptor(name, file);
}
