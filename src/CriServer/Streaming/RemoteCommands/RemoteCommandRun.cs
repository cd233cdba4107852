using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>Carries out an exec or attach for a client that has all its streams, and tells it how that ended.</summary>
internal static class RemoteCommandRun
{
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    /// <exception cref="IOException">As above.</exception>
    public static async Task RunAsync(Node node, RemoteCommandRequest request, RemoteChannels channels, SessionOwner owner)
    {
        CommandStatus status;
        try
        {
            status = await RunAsync(node.Index.FindContainer(request.ContainerId), node, request, channels, owner);
        }
        catch (Exception e) when (e is SandboxException or CriException)
        {
            status = CommandStatus.Failed(e.Message);
        }

        await channels.EndAsync(status, owner.Token);
    }

    private static Task<CommandStatus> RunAsync(
        LiveContainer? container, Node node, RemoteCommandRequest request, RemoteChannels channels, SessionOwner owner)
    {
        if (container is not { Record.Stage: ContainerStage.Running } || node.Index.SandboxOf(container)?.Link is not { } link)
        {
            throw CriException.Precondition($"The container {request.ContainerId} has ended meanwhile.");
        }

        return RunAsync(link.Client, container, request, channels, owner);
    }

    private static Task<CommandStatus> RunAsync(
        SandboxClient client, LiveContainer container, RemoteCommandRequest request, RemoteChannels channels, SessionOwner owner) => request switch
        {
            ExecStreamRequest exec => ExecRun.RunAsync(client, container.Record.Spec.Process, exec, channels, owner),
            AttachStreamRequest attach => AttachRun.RunAsync(client, attach, channels, owner),
            _ => throw new InvalidOperationException($"A {request.Kind} is no remote command."),
        };
}
