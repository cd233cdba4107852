namespace Crisp.Sandbox.Server;

/// <summary>Timers that run on the loop's thread. The platform's would start threads of their own.</summary>
internal sealed class LoopTimeProvider(EventLoop loop) : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new RepeatedTimer(loop, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>For any thread; all but <see cref="Change"/> itself happens on the loop's.</summary>
    private sealed class RepeatedTimer(EventLoop loop, Action action) : ITimer
    {
        private LoopTimer? _next;
        private bool _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            loop.Post(() => Set(dueTime, period));
            return true;
        }

        public void Dispose() => loop.Post(() =>
        {
            _disposed = true;
            _next?.Cancel();
        });

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Set(TimeSpan dueTime, TimeSpan period)
        {
            _next?.Cancel();
            _next = _disposed || dueTime == Timeout.InfiniteTimeSpan ? null : loop.After(dueTime, () =>
            {
                Set(period, period);
                action();
            });
        }
    }
}
