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
    private long _asked;
    private long _served;

    /// <exception cref="LinuxException">Something written since the last call has not reached the disk.</exception>
    internal void Sync()
    {
        var mine = Interlocked.Increment(ref _asked);
        lock (_gate)
        {
            if (_served >= mine)
            {
                return;
            }

            var serves = Volatile.Read(ref _asked);
            Files.Syncfs(directory);
            _served = serves;
        }
    }
}
