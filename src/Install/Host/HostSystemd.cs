namespace Crisp.Install.Host;

/// <summary>
/// The host's systemd, by its own programs: they speak the protocol of the version that runs there, and an administrator can type
/// what the agent does.
/// </summary>
public sealed class HostSystemd(IHostCommands commands)
{
    private const string Systemctl = "/usr/bin/systemctl";
    private const string SystemdRun = "/usr/bin/systemd-run";
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(30);

    // systemd itself ends jobs that hang after 90 s each (TimeoutStopSec, TimeoutStartSec); a restart has two.
    private static readonly TimeSpan s_job = TimeSpan.FromSeconds(200);

    public Task ReloadAsync(CancellationToken cancellation) => DemandAsync(s_short, cancellation, "daemon-reload");

    public Task StartAsync(string unit, CancellationToken cancellation) => DemandAsync(s_job, cancellation, "start", unit);

    /// <summary>Starts a unit that takes long, without waiting for its end.</summary>
    public Task StartInBackgroundAsync(string unit, CancellationToken cancellation) => DemandAsync(s_short, cancellation, "start", "--no-block", unit);

    public Task StopAsync(string unit, CancellationToken cancellation) => DemandAsync(s_job, cancellation, "stop", unit);

    public Task RestartAsync(string unit, CancellationToken cancellation) => DemandAsync(s_job, cancellation, "restart", unit);

    public Task EnableAsync(string unit, CancellationToken cancellation) => DemandAsync(s_short, cancellation, "enable", unit);

    public Task DisableAsync(string unit, CancellationToken cancellation) => DemandAsync(s_short, cancellation, "disable", unit);

    /// <summary>Whether systemd runs it now, or is about to.</summary>
    public async Task<bool> IsActiveAsync(string unit, CancellationToken cancellation)
    {
        var result = await commands.RunAsync(Systemctl, ["is-active", unit], s_short, cancellation);
        return result.Output.Trim() is "active" or "activating" or "reloading";
    }

    /// <summary>
    /// Runs a program as a service of the host, for what must see the host as it is: all capabilities, no seccomp filter, the host's
    /// namespaces and cgroups.
    /// </summary>
    public Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan deadline, CancellationToken cancellation)
        => commands.RunAsync(SystemdRun, ["--quiet", "--wait", "--pipe", "--collect", "--", program, .. arguments], deadline, cancellation);

    private async Task DemandAsync(TimeSpan deadline, CancellationToken cancellation, params string[] arguments)
    {
        var result = await commands.RunAsync(Systemctl, arguments, deadline, cancellation);
        if (result.ExitCode != 0)
        {
            // daemon-reload concerns no unit.
            var more = arguments.Length > 1 ? $" (journalctl -u {arguments[^1]} shows more)" : "";
            throw new HostException($"systemctl {string.Join(' ', arguments)} ended with {result.ExitCode} on the host: {result.Error}{more}");
        }
    }
}
