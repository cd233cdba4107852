using Crisp.Install.Host;

namespace Crisp.Install;

/// <summary>What is to be on the host.</summary>
public sealed record InstallRequest(ProgramSource Source)
{
    /// <summary>The configuration that the host gets whatever it has; null leaves its own.</summary>
    public string? Config { get; init; }

    /// <summary>The configuration of a host that has none; null leaves it without.</summary>
    public string? DefaultConfig { get; init; }

    /// <summary>How long the daemon may take from its start until it answers.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);
}

/// <summary>
/// crisp as a service of a host: its programs, its configuration and its unit. What does not come up is taken back to what ran
/// before; pods live on through either. Before the first installation nothing of it is there, and after the last removal neither.
/// </summary>
/// <param name="answers">Whether crisp answers on its CRI socket now.</param>
/// <param name="say">Told what is done, a line for each step.</param>
public sealed class Installation(
    HostRoot host, IHostCommands commands, Func<CancellationToken, Task<bool>> answers, TimeProvider time, Action<string> say)
{
    public const string ConfigFile = "/etc/crisp/config.toml";

    // Beside the programs, so that it goes with them: a configuration that still says what was written is not the administrator's.
    private const string WrittenConfig = ProgramFiles.Directory + "/config.toml.written";
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_check = TimeSpan.FromMinutes(1);
    private readonly HostSystemd _systemd = new(commands);
    private readonly ProgramFiles _files = new(host);

    public bool IsInstalled => _files.CurrentName is not null || host.Exists(CrispUnit.Path);

    /// <summary>Brings the host to the requested version. Where it is there already and crisp answers, nothing is done.</summary>
    /// <returns>Whether anything was done.</returns>
    /// <exception cref="HostException">It could not be done, or did not come up; what was there before runs again, as the message says.</exception>
    public async Task<bool> InstallAsync(InstallRequest request, CancellationToken cancellation)
    {
        var found = new State(_files.CurrentName, host.ReadText(CrispUnit.Path), host.ReadText(ConfigFile));
        var name = _files.Add(request.Source);
        var wanted = new State(name, CrispUnit.Text, request.Config ?? found.Config ?? request.DefaultConfig);
        if (wanted == found && await _systemd.IsActiveAsync(CrispUnit.Name, cancellation) && await answers(cancellation))
        {
            _files.Prune();
            return false;
        }

        await CheckConfigAsync(name, wanted.Config, found, cancellation);
        try
        {
            await ApplyAsync(wanted, found, request.Patience, cancellation);
        }
        catch (Exception e) when (e is HostException or OperationCanceledException)
        {
            // A death after the symlink's swap has left the new version as what was found: then the one before it is older still.
            var version = found.Name == name ? _files.PreviousName : found.Name;
            throw new HostException(await TakeBackAsync(found with { Name = version }, request.Patience, e.Message.TrimEnd('.')), e);
        }

        _files.Prune();
        return true;
    }

    /// <summary>
    /// Stops the daemon and removes unit, programs and, when it is as it was written, the configuration. Pods are the caller's to end
    /// before, and the state's directories the caller's to remove after.
    /// </summary>
    /// <returns>Whether the configuration stayed because somebody has changed it.</returns>
    public async Task<bool> UninstallAsync(CancellationToken cancellation)
    {
        await RemoveServiceAsync(cancellation);
        var (config, written) = (host.ReadText(ConfigFile), host.ReadText(WrittenConfig));
        if (config is not null && config == written)
        {
            RemoveConfig();
            config = null;
        }

        say($"Removing {ProgramFiles.Directory}");
        _files.RemoveAll();
        return config is not null;
    }

    /// <summary>Starts the daemon that is installed.</summary>
    /// <returns>Whether it answers within the time.</returns>
    /// <exception cref="HostException">systemd does not start it.</exception>
    public async Task<bool> StartAsync(TimeSpan patience, CancellationToken cancellation)
    {
        say($"Starting {CrispUnit.Name}");
        await _systemd.StartAsync(CrispUnit.Name, cancellation);
        return await AnswersWithinAsync(patience, cancellation);
    }

    private async Task ApplyAsync(State state, State before, TimeSpan patience, CancellationToken cancellation)
    {
        say($"Selecting {state.Name}");
        _files.Select(state.Name!);
        if (state.Config is { } config && config != host.ReadText(ConfigFile))
        {
            say($"Writing {ConfigFile}");
            if (before.Config is null)
            {
                host.WriteText(WrittenConfig, config);
            }

            host.WriteText(ConfigFile, config);
        }

        if (state.Unit != host.ReadText(CrispUnit.Path))
        {
            say($"Writing {CrispUnit.Path}");
            host.WriteText(CrispUnit.Path, state.Unit!);
        }

        await _systemd.ReloadAsync(cancellation);
        await _systemd.EnableAsync(CrispUnit.Name, cancellation);
        say($"Starting {CrispUnit.Name}");
        await _systemd.RestartAsync(CrispUnit.Name, cancellation);
        if (!await AnswersWithinAsync(patience, cancellation))
        {
            throw new HostException(
                $"crisp {state.Name} does not answer on its CRI socket {patience.TotalSeconds:0} s after its start (journalctl -u crisp shows why)");
        }
    }

    private async Task<bool> AnswersWithinAsync(TimeSpan patience, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        while (!await answers(cancellation))
        {
            if (time.GetElapsedTime(begin) >= patience)
            {
                return false;
            }

            await Task.Delay(s_poll, time, cancellation);
        }

        return true;
    }

    /// <returns>The sentence that says what failed and what runs now.</returns>
    private async Task<string> TakeBackAsync(State before, TimeSpan patience, string reason)
    {
        // Whoever has cancelled the installation wants no half of it.
        var cancellation = CancellationToken.None;
        var sentence = $"{reason}.";
        if (before is { Name: not null, Unit: not null })
        {
            say($"Taking the installation back to {before.Name}");
            try
            {
                if (before.Config is null)
                {
                    RemoveConfig();
                }

                await ApplyAsync(before, before, patience, cancellation);
                return $"{sentence} {before.Name} runs again.";
            }
            catch (HostException e)
            {
                return $"{sentence} Nor does {before.Name}, which was there before: {e.Message}";
            }
        }

        say("Taking the installation back");
        try
        {
            await RemoveServiceAsync(cancellation);
            if (before.Config is { } config)
            {
                host.WriteText(ConfigFile, config);
            }
            else
            {
                RemoveConfig();
            }

            _files.RemoveAll();
            return $"{sentence} Nothing is installed, as before.";
        }
        catch (HostException e)
        {
            return $"{sentence} Nor could it be removed again: {e.Message}";
        }
    }

    private async Task RemoveServiceAsync(CancellationToken cancellation)
    {
        if (host.Exists(CrispUnit.Path))
        {
            say($"Stopping {CrispUnit.Name}");
            await _systemd.DisableAsync(CrispUnit.Name, cancellation);
            await _systemd.StopAsync(CrispUnit.Name, cancellation);
            host.Remove(CrispUnit.Path);
            await _systemd.ReloadAsync(cancellation);
        }
    }

    private void RemoveConfig()
    {
        host.Remove(ConfigFile);
        host.RemoveEmpty(Path.GetDirectoryName(ConfigFile)!);
    }

    /// <summary>The new version reads it before its daemon must: a wrong value is a sentence, not a daemon that does not start.</summary>
    private async Task CheckConfigAsync(string name, string? config, State found, CancellationToken cancellation)
    {
        if (config is null)
        {
            return;
        }

        const string Tried = ConfigFile + ".new";
        try
        {
            host.WriteText(Tried, config);
            var result = await commands.RunAsync(ProgramFiles.PathOf(name, "crisp"), ["config", "show", "--config", Tried], s_check, cancellation);
            if (result.ExitCode != 0)
            {
                throw new HostException($"The configuration is wrong, and nothing was changed: {result.Error.Replace(Tried, ConfigFile, StringComparison.Ordinal)}");
            }
        }
        catch
        {
            RemoveUnused(found);
            throw;
        }
        finally
        {
            host.Remove(Tried);
            if (found.Name is null)
            {
                host.RemoveEmpty(Path.GetDirectoryName(ConfigFile)!);
            }
        }
    }

    // What was copied for a version that is not to be.
    private void RemoveUnused(State found)
    {
        if (found.Name is null)
        {
            _files.RemoveAll();
        }
        else
        {
            _files.Prune();
        }
    }

    private sealed record State(string? Name, string? Unit, string? Config);
}
