using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    // SIGKILL takes effect at once, but a process in an uninterruptible wait (NFS, a dying disk) ends when that does.
    private static readonly TimeSpan _killPatience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Stop signal, then SIGKILL for every process after the timeout. No lock is held meanwhile: a second call with a shorter
    /// timeout kills earlier, and both return when the container has ended.
    /// </summary>
    public override async Task<StopContainerResponse> StopContainer(StopContainerRequest request, ServerCallContext context)
    {
        if (_node.Index.FindContainer(request.ContainerId) is { } container)
        {
            var grace = TimeSpan.FromSeconds(Math.Clamp(request.Timeout, 0, int.MaxValue / 1000));
            await ToTheEnd(() => StopAsync(container, grace), context);
        }

        return new StopContainerResponse();
    }

    private async Task StopAsync(LiveContainer container, TimeSpan grace)
    {
        container.MarkAnswered();

        // A start under way ends first: a signal before it would be lost.
        await container.Gate.WaitAsync();
        container.Gate.Release();
        if (container.Record.Stage != ContainerStage.Running || _node.Index.SandboxOf(container)?.Link is not { } link)
        {
            return;
        }

        try
        {
            if (grace > TimeSpan.Zero)
            {
                await link.Client.SignalAsync(container.Id, SignalNames.StopSignal(container.Record.Spec.StopSignal));
                Failpoint.Hit(FailpointName.ContainerSignalled);
                if (await EndedWithin(container, grace))
                {
                    return;
                }
            }

            await link.Client.KillAllAsync(container.Id);
        }
        catch (SandboxException e) when (e.Code is RpcCode.NotFound or RpcCode.FailedPrecondition or RpcCode.Unavailable)
        {
            // It ended, was removed, or died with its pod in between; the record will say so in a moment.
        }

        if (!await EndedWithin(container, _killPatience))
        {
            throw CriException.Precondition(
                $"The container {container.Id} was killed, but its process {container.Record.Pid} is still there after " +
                $"{_killPatience.TotalSeconds} s: it waits in the kernel, often for a filesystem that does not answer.");
        }
    }

    private static async Task<bool> EndedWithin(LiveContainer container, TimeSpan time)
    {
        await Task.WhenAny(container.Ended, Task.Delay(time));
        return container.Ended.IsCompleted;
    }
}
