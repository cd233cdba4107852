using Crisp.Install.Host;

namespace Crisp.NodeAgent.Switching;

/// <summary>
/// Switches a kubelet to another runtime, on the host, where no pod's end touches it. After each step the record says which is
/// next, so that a run that was killed, or a node that was rebooted, goes on where it was. Nobody outside is needed: a switch that
/// the agent's next pod does not confirm in time is taken back, as a router takes back a configuration that cut its operator off.
/// </summary>
internal sealed partial class SwitchRun(ISwitchHost host, TimeProvider time, ILogger<SwitchRun> logger)
{
    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(1);

    // What can be undone is tried for a while; a node without a kubelet is worse than one that waits.
    private static readonly TimeSpan s_undoRetry = TimeSpan.FromSeconds(10);

    /// <summary>Carries it out from its next step to its end.</summary>
    /// <returns>The record of the end.</returns>
    public async Task<SwitchRecord> RunAsync(SwitchRecord record, CancellationToken cancellation)
    {
        // After a reboot the kubelet runs, whatever was recorded: systemd has started it.
        record = record with { Step = Resumed(record.Step) };
        while (!record.HasEnded)
        {
            Log.Step(logger, record.Step, record.Id);
            record = await SaveAsync(await NextAsync(record, cancellation), cancellation);
        }

        return record;
    }

    // A full disk must not leave a node without its kubelet. What cannot be recorded on the way there is taken back; what cannot be
    // recorded on the way back is done all the same, since every step may be done twice.
    private async Task<SwitchRecord> SaveAsync(SwitchRecord record, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                host.Save(record);
                return record;
            }
            catch (HostException e) when (record.Step < SwitchStep.UndoStopKubelet)
            {
                Log.Failed(logger, record.Step, e.Message);
                return record with { Step = SwitchStep.UndoStopKubelet, Failure = e.Message };
            }
            catch (HostException e)
            {
                Log.UndoFailed(logger, record.Step, e.Message);
                if (!record.HasEnded)
                {
                    return record;
                }

                await Task.Delay(s_undoRetry, time, cancellation);
            }
        }
    }

    private async Task<SwitchRecord> NextAsync(SwitchRecord record, CancellationToken cancellation)
    {
        try
        {
            return await StepAsync(record, cancellation);
        }
        catch (HostException e) when (record.Step < SwitchStep.UndoStopKubelet)
        {
            Log.Failed(logger, record.Step, e.Message);
            return record with { Step = SwitchStep.UndoStopKubelet, Failure = $"{Purpose(record.Step)}: {e.Message}" };
        }
        catch (HostException e)
        {
            Log.UndoFailed(logger, record.Step, e.Message);
            await Task.Delay(s_undoRetry, time, cancellation);
            return record;
        }
    }

    private async Task<SwitchRecord> StepAsync(SwitchRecord record, CancellationToken cancellation)
    {
        switch (record.Step)
        {
            case SwitchStep.StopKubelet:
                await host.StopKubeletAsync(record.KubeletUnit, cancellation);
                return record with { Step = SwitchStep.RemovePods };

            case SwitchStep.RemovePods:
                await host.RemovePodsAsync(record.Before.EffectiveEndpoint, cancellation);
                return record with { Step = SwitchStep.SetEndpoint };

            case SwitchStep.SetEndpoint:
                host.SetEndpoint(record.After);
                return record with { Step = SwitchStep.StartKubelet, Deadline = time.GetUtcNow() + record.Patience };

            case SwitchStep.StartKubelet:
                await host.StartKubeletAsync(record.KubeletUnit, cancellation);
                return record with { Step = SwitchStep.AwaitKubelet };

            case SwitchStep.AwaitKubelet:
                await UntilAsync(
                    record, () => host.IsKubeletHealthyAsync(record.KubeletHealth, cancellation),
                    $"The kubelet was not healthy ({record.KubeletHealth}) within {record.Patience.TotalSeconds:0} s. journalctl -u {record.KubeletUnit} shows why.",
                    cancellation);
                return record with { Step = SwitchStep.AwaitConfirmation };

            case SwitchStep.AwaitConfirmation:
                await UntilAsync(
                    record, () => Task.FromResult(host.Confirmation() == record.Id),
                    $"No pod of the agent's on {record.After.EffectiveEndpoint} found the node Ready within {record.Patience.TotalSeconds:0} s. "
                    + "crictl ps and the kubelet's log show why.",
                    cancellation);
                return record with { Step = SwitchStep.Ended };

            case SwitchStep.UndoStopKubelet:
                await host.StopKubeletAsync(record.KubeletUnit, cancellation);
                return record with { Step = SwitchStep.UndoRemovePods };

            case SwitchStep.UndoRemovePods:
                await RemoveWhatCanBeAsync(record.After.EffectiveEndpoint, cancellation);
                return record with { Step = SwitchStep.UndoEndpoint };

            case SwitchStep.UndoEndpoint:
                host.SetEndpoint(record.Before);
                return record with { Step = SwitchStep.UndoStartKubelet };

            case SwitchStep.UndoStartKubelet:
                await host.StartKubeletAsync(record.KubeletUnit, cancellation);
                return record with { Step = SwitchStep.Ended };

            default:
                throw new InvalidOperationException($"A switch has no step {record.Step}.");
        }
    }

    // The runtime that did not come up is often the one that does not answer here.
    private async Task RemoveWhatCanBeAsync(string endpoint, CancellationToken cancellation)
    {
        try
        {
            await host.RemovePodsAsync(endpoint, cancellation);
        }
        catch (HostException e)
        {
            Log.PodsLeft(logger, endpoint, e.Message);
        }
    }

    private async Task UntilAsync(SwitchRecord record, Func<Task<bool>> condition, string failure, CancellationToken cancellation)
    {
        while (!await condition())
        {
            if (time.GetUtcNow() >= record.Deadline)
            {
                throw new HostException(failure);
            }

            await Task.Delay(s_poll, time, cancellation);
        }
    }

    private static SwitchStep Resumed(SwitchStep step) => step switch
    {
        SwitchStep.RemovePods or SwitchStep.SetEndpoint => SwitchStep.StopKubelet,
        SwitchStep.AwaitKubelet => SwitchStep.StartKubelet,
        SwitchStep.UndoRemovePods or SwitchStep.UndoEndpoint => SwitchStep.UndoStopKubelet,
        _ => step,
    };

    private static string Purpose(SwitchStep step) => step switch
    {
        SwitchStep.StopKubelet => "The kubelet could not be stopped",
        SwitchStep.RemovePods => "The pods of the runtime before could not be removed",
        SwitchStep.SetEndpoint => "The kubelet's endpoint could not be changed",
        SwitchStep.StartKubelet => "The kubelet could not be started",
        SwitchStep.AwaitKubelet => "The kubelet did not come up",
        _ => "The node did not come up",
    };

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "Switch {Id}: {Step}", EventName = "SwitchStep")]
        public static partial void Step(ILogger logger, SwitchStep step, string id);

        [LoggerMessage(2, LogLevel.Error, "{Step} failed, the switch is taken back: {Reason}", EventName = "SwitchFailed")]
        public static partial void Failed(ILogger logger, SwitchStep step, string reason);

        [LoggerMessage(3, LogLevel.Error, "{Step} failed and is tried again: {Reason}", EventName = "SwitchUndoFailed")]
        public static partial void UndoFailed(ILogger logger, SwitchStep step, string reason);

        [LoggerMessage(4, LogLevel.Warning, "Pods of {Endpoint} may be left: {Reason}", EventName = "SwitchPodsLeft")]
        public static partial void PodsLeft(ILogger logger, string endpoint, string reason);
    }
}
