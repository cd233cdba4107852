using System.CommandLine;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.GuestImages;
using Crisp.Install.Host;
using Crisp.Linux;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine;

/// <summary>Runs commands. The one place where their failures become sentences on standard error and exit codes.</summary>
internal static class CommandRun
{
    /// <summary>The exit code of a command that failed.</summary>
    public const int Failed = 1;

    // What a shell reports of a program that SIGPIPE ended, as it would have ended this one if .NET did not ignore it.
    private const int BrokenPipe = 141;

    /// <summary>Sets the action of a command that Ctrl-C and SIGTERM end.</summary>
    /// <param name="failed">The exit code of failures of our own.</param>
    public static void SetRun(this Command command, Func<ParseResult, CancellationToken, Task<int>> run, int failed = Failed) =>
        command.SetAction(async (parsed, _) =>
        {
            using var interruption = new Interruption();
            try
            {
                return await ReportAsync(parsed, () => run(parsed, interruption.Token), failed);
            }
            catch (Exception e) when (interruption.ExitCode is not null && IsCancellation(e))
            {
                return interruption.ExitCode.Value;
            }
        });

    /// <summary>Runs it, and says what went wrong.</summary>
    public static async Task<int> ReportAsync(ParseResult parsed, Func<Task<int>> run, int failed = Failed)
    {
        try
        {
            return await run();
        }
        catch (Exception e) when (Sentence(e) is { } sentence)
        {
            foreach (var line in sentence.Split('\n'))
            {
                await parsed.InvocationConfiguration.Error.WriteLineAsync($"crisp: {line}");
            }

            return failed;
        }
        catch (LinuxException e) when (e.Errno == Errno.EPIPE)
        {
            return BrokenPipe;
        }
    }

    private static string? Sentence(Exception error) => error switch
    {
        CommandException or ConfigException or StartException or GuestImageException or HostException => error.Message,
        RpcException rpc when !IsCancellation(rpc) => DaemonFailure.Sentence(rpc),
        _ => null,
    };

    private static bool IsCancellation(Exception error) =>
        error is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled };
}
