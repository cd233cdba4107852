namespace Crisp.Install.Host;

/// <summary>Runs programs of the host.</summary>
public interface IHostCommands
{
    /// <param name="program">An absolute path on the host.</param>
    /// <param name="deadline">It is killed when it takes longer.</param>
    /// <exception cref="HostException">It cannot be run, or took too long.</exception>
    public Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan deadline, CancellationToken cancellation);
}
