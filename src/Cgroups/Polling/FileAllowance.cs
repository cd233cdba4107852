namespace Crisp.Cgroups.Polling;

/// <summary>How many files may be held open at one time, by all together.</summary>
internal sealed class FileAllowance(int most)
{
    private int _taken;

    public int Taken => Volatile.Read(ref _taken);

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= most)
        {
            return true;
        }

        Interlocked.Decrement(ref _taken);
        return false;
    }

    public void Return() => Interlocked.Decrement(ref _taken);
}
