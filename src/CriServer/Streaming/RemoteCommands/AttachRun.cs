using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>One client at a container's main process, which goes on whatever becomes of the client.</summary>
internal static class AttachRun
{
    private static readonly TimeSpan _exitPatience = TimeSpan.FromSeconds(5);

    /// <exception cref="OperationCanceledException">The owner is gone.</exception>
    public static async Task<CommandStatus> RunAsync(
        SandboxClient client, AttachStreamRequest request, RemoteChannels channels, SessionOwner owner)
    {
        var wanted = new ExecStreams(request.Stdin, request.Stdout, request.Stderr);
        using var process = await client.AttachAsync(request.ContainerId, wanted, owner.Token);
        var streams = CommandStreams.Begin(channels, process, owner, Resize);
        var exit = client.WaitAsync(request.ContainerId, cancellationToken: owner.Token);
        if (!request.Stdout && !request.Stderr)
        {
            // Input alone: there is nothing left to do at its end.
            await await Task.WhenAny(streams.Input!, exit);
            return CommandStatus.Exited(0);
        }

        await streams.Output;
        return await HasEndedAsync(exit)
            ? CommandStatus.Exited(0)
            : CommandStatus.Failed("The output came faster than the client took it, so that it was detached. The container goes on, and its log has everything.");

        Task Resize(ushort width, ushort height, CancellationToken cancellation)
            => client.ResizeAsync(request.ContainerId, width, height, cancellationToken: cancellation);
    }

    // The end of the output comes a little before that of the container is told.
    private static async Task<bool> HasEndedAsync(Task<ExitInfo> exit)
    {
        try
        {
            await exit.WaitAsync(_exitPatience);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
