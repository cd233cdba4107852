using Crisp.Kvm.Interop;

namespace Crisp.Kvm.Vcpus;

/// <summary>How often a processor left the guest, by reason. One thread counts, any may read.</summary>
internal sealed class ExitCounts
{
    /// <summary>A signal or a request ended KVM_RUN.</summary>
    private const int Interrupted = 63;

    private static readonly Dictionary<int, string> s_names = Enum.GetValues<KvmExitReason>().ToDictionary(r => (int)r, r => r.ToString().ToLowerInvariant());

    private readonly long[] _counts = new long[Interrupted + 1];

    /// <param name="reason">Null: interrupted.</param>
    internal void Count(KvmExitReason? reason)
    {
        var index = reason is { } r ? (int)Math.Min((uint)r, Interrupted - 1) : Interrupted;
        Volatile.Write(ref _counts[index], _counts[index] + 1);
    }

    /// <summary>Those that happened: <c>io</c>, <c>mmio</c>, <c>hlt</c>, …, <c>interrupted</c>.</summary>
    internal SortedDictionary<string, long> Read()
    {
        var read = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var reason = 0; reason < _counts.Length; reason++)
        {
            if (Volatile.Read(ref _counts[reason]) is > 0 and var count)
            {
                read.Add(reason == Interrupted ? "interrupted" : s_names.GetValueOrDefault(reason, $"exit {reason}"), count);
            }
        }

        return read;
    }
}
