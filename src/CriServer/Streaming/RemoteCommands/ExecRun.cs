using Crisp.CriServer.State;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>One command in a container for one client. It does not outlive the client: with it, it is hung up.</summary>
internal static class ExecRun
{
    private static readonly TimeSpan _drainSilence = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _hangUpPatience = TimeSpan.FromSeconds(2);

    /// <param name="container">The process that the command is to be like: user, environment, capabilities.</param>
    /// <exception cref="OperationCanceledException">The owner is gone; so is the command.</exception>
    public static async Task<CommandStatus> RunAsync(
        SandboxClient client, ProcessSpec container, ExecStreamRequest request, RemoteChannels channels, SessionOwner owner)
    {
        var process = container with { Args = [.. request.Command], Terminal = request.Terminal, Stdin = request.Stdin, StdinOnce = false };
        var wanted = new ExecStreams(request.Stdin, request.Stdout, request.Stderr);
        using var session = await client.ExecAsync(request.ContainerId, Identifier.Create(), process, wanted, owner.Token);
        try
        {
            var streams = CommandStreams.Begin(channels, session.Streams, owner, session.ResizeAsync);
            var exit = await session.WaitAsync(owner.Token);
            await streams.DrainAsync(_drainSilence);
            return CommandStatus.Exited(exit.ExitCode);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            await HangUpAsync(session);
            throw;
        }
    }

    private static async Task HangUpAsync(ExecSession session)
    {
        // With a terminal the kernel does it, to everybody on it.
        session.Dispose();
        try
        {
            await session.SignalAsync(Linux.Signals.Hangup);
            await session.WaitAsync().WaitAsync(_hangUpPatience);
        }
        catch (TimeoutException)
        {
            await session.SignalAsync(Linux.Signals.Kill);
        }
        catch (SandboxException e) when (e.Code is RpcCode.Unavailable or RpcCode.NotFound)
        {
            // The pod has gone, and the process with it.
        }
    }
}
