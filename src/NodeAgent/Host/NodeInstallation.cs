using Crisp.CriServer.Hosting;
using Crisp.Install;
using Crisp.Install.Host;

namespace Crisp.NodeAgent.Host;

/// <summary>crisp on the agent's host, by the same <see cref="Installation"/> as <c>crisp install</c>; what it can do there, and its end.</summary>
/// <param name="programs">The image's directory of programs.</param>
/// <param name="configFile">The configuration that the host is to have; null leaves the host's.</param>
/// <param name="endpoint">Where crisp then answers.</param>
/// <param name="patience">How long it may take to.</param>
internal sealed partial class NodeInstallation(
    HostRoot host, IHostCommands commands, string programs, string? configFile, string endpoint, TimeSpan patience, TimeProvider time, ILogger<NodeInstallation> logger)
{
    private const string ConfigBefore = "/var/lib/crisp-node-agent/config.toml.before";

    // The driver that kubeadm gives kubelets; the agent works with hosts of systemd only.
    private const string DefaultConfig = "# Written by crisp-node-agent. Every option: docs/configuration.md of crisp, or crisp config default.\ncgroup_driver = \"systemd\"\n";
    private static readonly TimeSpan s_check = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_guestImage = TimeSpan.FromMinutes(10);
    private readonly HostSystemd _systemd = new(commands);

    // An image does not change under its process.
    private readonly ProgramSource _source = new(programs, [.. ProgramFiles.Programs, "crisp-node-agent"], CrispVersion.Text);

    // What did not come up is not tried again by the same process: each try restarts the daemon twice.
    private (string? Config, HostException Reason)? _failed;

    public bool IsInstalled => Installation().IsInstalled;

    /// <summary>Brings the host to the image's version and configuration. Where both are there and crisp answers, nothing is done.</summary>
    /// <returns>Whether anything was done.</returns>
    /// <exception cref="HostException">It could not be done, or did not come up; what was there before runs again.</exception>
    public async Task<bool> InstallAsync(CancellationToken cancellation)
    {
        var config = configFile is null ? null : await File.ReadAllTextAsync(configFile, cancellation);
        if (_failed is { } failed && failed.Config == config)
        {
            throw failed.Reason;
        }

        KeepConfigBefore(config);
        try
        {
            var request = new InstallRequest(_source)
            {
                Config = config,
                DefaultConfig = DefaultConfig,
                Patience = patience,
            };
            // Not cancelled by the pod's end, which would take it back: it is brought to its end, or the agent's next pod does that.
            return await Installation().InstallAsync(request, CancellationToken.None);
        }
        catch (HostException e) when (!cancellation.IsCancellationRequested)
        {
            _failed = (config, e);
            throw;
        }
    }

    /// <summary>What this node can do, by <c>crisp check</c> of the version that is installed, run as the host's.</summary>
    public async Task<NodeFacts> FactsAsync(CancellationToken cancellation)
    {
        // 1 is its verdict that something necessary is missing; it prints the same document then.
        var result = await _systemd.RunAsync(ProgramFiles.Crisp, ["check", "--output", "json"], s_check, cancellation);
        return result.ExitCode is 0 or 1 && result.Output.Length > 0
            ? NodeFacts.Parse(result.Output)
            : throw new HostException($"crisp check ended with {result.ExitCode} on the host: {result.Error}");
    }

    /// <summary>Makes what VM pods boot from, of the host's own kernel.</summary>
    public async Task BuildGuestImageAsync(CancellationToken cancellation)
    {
        var result = await _systemd.RunAsync(ProgramFiles.Crisp, ["vm", "build"], s_guestImage, cancellation);
        if (result.ExitCode != 0)
        {
            throw new HostException($"crisp vm build ended with {result.ExitCode} on the host: {result.Error}");
        }
    }

    /// <summary>Removes crisp, its pods, images and state from the host, and brings back the configuration that was there before.</summary>
    public async Task UninstallAsync(CancellationToken cancellation)
    {
        using (var runtime = new RuntimeClient(host, endpoint))
        {
            if (await runtime.VersionAsync(cancellation) is not null)
            {
                await runtime.RemoveAllPodsAsync(cancellation);
            }
        }

        await Installation().UninstallAsync(cancellation);
        if (host.ReadText(ConfigBefore) is { } before)
        {
            host.WriteText(Crisp.Install.Installation.ConfigFile, before);
            host.Remove(ConfigBefore);
        }
        else if (configFile is not null)
        {
            host.Remove(Crisp.Install.Installation.ConfigFile);
            host.RemoveEmpty(Path.GetDirectoryName(Crisp.Install.Installation.ConfigFile)!);
        }

        foreach (var directory in new[] { "/var/lib/crisp", "/run/crisp" })
        {
            await RemoveTreeAsync(directory, cancellation);
        }

        _failed = null;
    }

    // The host's rm, not ours: it sees the mounts that are below, and --one-file-system stops at them. A disk that an administrator has
    // mounted on the directory itself stays, empty; rm calls that a failure.
    private async Task RemoveTreeAsync(string directory, CancellationToken cancellation)
    {
        var result = await _systemd.RunAsync("/bin/rm", ["-rf", "--one-file-system", directory], s_check, cancellation);
        if (result.ExitCode != 0 && !host.IsEmpty(directory))
        {
            throw new HostException($"{directory} of the host cannot be removed: {result.Error}");
        }
    }

    /// <summary>An administrator's configuration, which the chart's is about to replace.</summary>
    private void KeepConfigBefore(string? config)
    {
        if (config is not null && !IsInstalled && !host.Exists(ConfigBefore)
            && host.ReadText(Crisp.Install.Installation.ConfigFile) is { } before && before != config)
        {
            host.WriteText(ConfigBefore, before);
        }
    }

    private Installation Installation() => new(host, commands, AnswersAsync, time, line => Log.Step(logger, line));

    private async Task<bool> AnswersAsync(CancellationToken cancellation)
    {
        using var runtime = new RuntimeClient(host, endpoint);
        return await runtime.VersionAsync(cancellation) is not null;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Line}", EventName = "InstallStep")]
        public static partial void Step(ILogger logger, string line);
    }
}
