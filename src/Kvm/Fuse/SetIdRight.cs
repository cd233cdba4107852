using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>Until it is disposed of, the thread has no right to keep set-id bits: what it writes or truncates loses them.</summary>
internal readonly struct SetIdRight : IDisposable
{
    private readonly FileThread? _thread;

    private SetIdRight(FileThread thread) => _thread = thread;

    /// <param name="isWanted">Whether the guest's process has no such right either.</param>
    internal static SetIdRight Drop(FileThread thread, bool isWanted)
    {
        if (!isWanted)
        {
            return default;
        }

        thread.DropSetIdRight();
        return new SetIdRight(thread);
    }

    public void Dispose() => _thread?.RegainSetIdRight();
}
