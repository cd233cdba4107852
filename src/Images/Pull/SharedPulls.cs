namespace Crisp.Images.Pull;

/// <summary>
/// Pulls of one image with the same credentials at the same time are one pull. It lasts as long as somebody waits for it:
/// who goes away does not end it for the others, and the last who goes does.
/// </summary>
internal sealed class SharedPulls
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Image, string? Credentials), SharedPull> _pulls = [];

    /// <param name="run">The work; given the board to report to.</param>
    internal async Task<ImageRecord> JoinAsync(
        string image,
        string? credentials,
        IProgress<PullProgress>? progress,
        Func<PullBoard, CancellationToken, Task<ImageRecord>> run,
        CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var key = (image, credentials);
        SharedPull? pull;
        lock (_gate)
        {
            // One that has just ended is no news to somebody who comes now.
            if (!_pulls.TryGetValue(key, out pull) || pull.Task.IsCompleted)
            {
                _pulls[key] = pull = new SharedPull(run);
            }

            pull.Waiters++;
        }

        if (progress is not null)
        {
            pull.Board.Add(progress);
        }

        try
        {
            return await pull.Task.WaitAsync(cancellation);
        }
        finally
        {
            if (progress is not null)
            {
                pull.Board.Remove(progress);
            }

            Leave(key, pull);
        }
    }

    private void Leave((string Image, string? Credentials) key, SharedPull pull)
    {
        lock (_gate)
        {
            if (--pull.Waiters > 0)
            {
                return;
            }

            if (_pulls.GetValueOrDefault(key) == pull)
            {
                _pulls.Remove(key);
            }
        }

        pull.Stop();
    }

    private sealed class SharedPull : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        internal SharedPull(Func<PullBoard, CancellationToken, Task<ImageRecord>> run)
        {
            Task = System.Threading.Tasks.Task.Run(() => run(Board, _stop.Token));
        }

        internal PullBoard Board { get; } = new();

        internal Task<ImageRecord> Task { get; }

        /// <summary>Guarded by the table's lock.</summary>
        internal int Waiters { get; set; }

        public void Dispose() => _stop.Dispose();

        internal void Stop()
        {
            _stop.Cancel();
            // Nobody is left who would see how it ends.
            _ = Task.ContinueWith(
                (ended, pull) =>
                {
                    _ = ended.Exception;
                    ((SharedPull)pull!).Dispose();
                },
                this,
                CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
        }
    }
}
