using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    // For the client to take the answer off its socket's queue; the pod is gone already.
    private static readonly TimeSpan _lastWords = TimeSpan.FromSeconds(1);

    /// <summary>What the program ends with.</summary>
    public int ExitCode { get; private set; }

    /// <summary>The pod has ended by itself: the process does, once whoever waits has been told.</summary>
    public void Fail()
    {
        ExitCode = 1;
        StopWhenFlushed(Environment.TickCount64 + (long)_lastWords.TotalMilliseconds);
    }

    private void Shutdown(Call call)
        => _pod.End(
            call.Deadline,
            () =>
            {
                call.Answer(new ShutdownResponse());
                StopWhenFlushed(Environment.TickCount64 + (long)_lastWords.TotalMilliseconds);
            },
            call.Fail);

    private void StopWhenFlushed(long deadline)
    {
        if (_control.TrueForAll(static c => c.IsFlushed) || Environment.TickCount64 >= deadline)
        {
            _pod.Loop.Stop();
            return;
        }

        _pod.Loop.After(TimeSpan.FromMilliseconds(5), () => StopWhenFlushed(deadline));
    }
}
