using Crisp.Linux;

namespace Crisp.Images.Store;

/// <summary>
/// syncfs(2) for many who want it at once: one call serves all who asked before it began. fsync of every file of a layer
/// would cost a disk's round trip each.
/// </summary>
/// <param name="directory">Open since before the first write, so that the kernel reports every write error to it (Linux 5.8).</param>
internal sealed class SyncGate(FileDescriptor directory)
{
    private readonly Lock _gate = new();
    private Task _running = Task.CompletedTask;
    private Task? _next;
    private int _failures;

    /// <summary>
    /// How many calls have failed. The kernel reports a write error once, to whoever asks first: who began to write before the
    /// count changed may have lost something, although its own call succeeds.
    /// </summary>
    internal int Failures => Volatile.Read(ref _failures);

    /// <summary>Ends when everything that was written before the call is on the disk.</summary>
    /// <exception cref="LinuxException">Something has not reached the disk.</exception>
    internal Task SyncAsync()
    {
        lock (_gate)
        {
            // One that runs may have passed by what the caller wrote. The one after it serves all who come meanwhile.
            return _next ??= Task.Run(() => RunAfterAsync(_running));
        }
    }

    private async Task RunAfterAsync(Task previous)
    {
        await previous.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        lock (_gate)
        {
            _running = _next!;
            _next = null;
        }

        try
        {
            Files.Syncfs(directory);
        }
        catch (LinuxException)
        {
            Interlocked.Increment(ref _failures);
            throw;
        }
    }
}
