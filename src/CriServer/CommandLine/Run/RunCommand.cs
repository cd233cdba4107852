using System.CommandLine;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary><c>crisp run</c>: an image as a container, in a pod of its own or in one that is there.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var options = new RunOptions();
        var command = new Command("run", "Run an image in a new container and print the container's id.");
        options.AddTo(command);
        daemon.AddTo(command);
        command.SetRun((parsed, cancellation) => RunAsync(
            daemon.SocketPath(parsed), options.Read(parsed), parsed.InvocationConfiguration.Output, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(string socket, RunSettings settings, TextWriter output, CancellationToken cancellation)
    {
        using var daemon = new DaemonClient(socket);
        var run = new ContainerRun(daemon, settings);
        await run.StartAsync(cancellation);
        await output.WriteLineAsync(run.ContainerId);
        return 0;
    }
}
