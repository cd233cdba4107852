namespace Crisp.Sandbox.Server;

/// <summary>
/// Keeps the heap at what is alive. Left to itself the collector lets its second generation grow for megabytes before it looks
/// there: cheap for a program that is alone, and dear for one of which a node runs a hundred. A collection of half a megabyte
/// takes about a millisecond.
/// </summary>
internal sealed class HeapTrim
{
    private const long Step = 192 << 10;
    private long _allocated;

    /// <summary>Collects everything, and gives the memory back, when enough was allocated since the last time.</summary>
    public void AfterWork()
    {
        if (GC.GetTotalAllocatedBytes() - _allocated >= Step)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            _allocated = GC.GetTotalAllocatedBytes();
        }
    }
}
