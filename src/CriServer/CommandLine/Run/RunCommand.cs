using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Logs;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>
/// <c>crisp run</c>: an image as a container, in a pod of its own or in one that is there. It prints what the container writes
/// and ends with its exit code; Ctrl-C stops the container.
/// </summary>
internal static class RunCommand
{
    // Docker's: a failure of our own, told apart from the command's by scripts that know it.
    private const int OwnFailure = 125;
    private const int StopSeconds = 10;

    public static Command Create()
    {
        var daemon = new DaemonOptions();
        var options = new RunOptions();
        var detach = new Option<bool>("--detach", "-d") { Description = "Print the container's id and leave it running" };
        var remove = new Option<bool>("--rm") { Description = "Remove the container when it has ended, and the pod that was made for it" };
        var command = new Command("run", "Run an image in a new container.") { detach, remove };
        options.AddTo(command, daemon);
        daemon.AddTo(command);
        command.SetRun(
            async (parsed, cancellation) =>
            {
                using var client = new DaemonClient(daemon.SocketPath(parsed));
                if (parsed.GetValue(detach) && parsed.GetValue(remove))
                {
                    throw new CommandException("--rm needs somebody who waits for the container's end: leave out --detach.");
                }

                var settings = options.Read(parsed);
                await ImageAtHand.EnsureAsync(client, settings.Image, settings.Pull, parsed.InvocationConfiguration.Error, cancellation);
                var run = new ContainerRun(client, settings);
                if (parsed.GetValue(detach))
                {
                    await run.StartAsync(cancellation);
                    await parsed.InvocationConfiguration.Output.WriteLineAsync(run.ContainerId);
                    return 0;
                }

                await run.StartAsync(cancellation);
                return await AttendAsync(client, run, parsed.GetValue(remove), cancellation);
            },
            OwnFailure);
        return command;
    }

    private static async Task<int> AttendAsync(DaemonClient client, ContainerRun run, bool remove, CancellationToken cancellation)
    {
        try
        {
            var status = await StatusAsync(client, run.ContainerId);
            using var output = DescriptorStream.Output();
            using var error = DescriptorStream.Error();
            var printer = new LogPrinter(output, error, timestamps: false);
            try
            {
                await ContainerLog.FollowAsync(client, status, printer, tail: null, cancellation);
            }
            catch (OperationCanceledException)
            {
                await client.Runtime.StopContainerAsync(
                    new StopContainerRequest { ContainerId = run.ContainerId, Timeout = StopSeconds }, cancellationToken: CancellationToken.None);
                throw;
            }

            status = await StatusAsync(client, run.ContainerId);
            if (status.Message.Length > 0)
            {
                throw new CommandException(status.Message);
            }

            return status.ExitCode;
        }
        finally
        {
            if (remove)
            {
                await run.RemoveAsync();
            }
        }
    }

    private static async Task<ContainerStatus> StatusAsync(DaemonClient client, string id)
        => (await client.Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = id })).Status;
}
