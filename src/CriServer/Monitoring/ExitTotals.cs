namespace Crisp.CriServer.Monitoring;

/// <summary>
/// Turns counts of machines, which go with them, into counts of the node, which never fall. For any number of threads.
/// </summary>
internal sealed class ExitTotals
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<string, ulong>> _seen = [];

    /// <param name="read">What machines say now.</param>
    /// <param name="machines">All that there are; others are forgotten.</param>
    /// <returns>What has come on top since the last time, by reason.</returns>
    public IReadOnlyDictionary<string, ulong> Add(IReadOnlyList<MachineExits> read, IEnumerable<string> machines)
    {
        var added = new Dictionary<string, ulong>();
        lock (_gate)
        {
            foreach (var machine in read)
            {
                // An earlier daemon has told what came before.
                var isBeginning = !_seen.TryGetValue(machine.Id, out var seen) && machine.IsRestored;
                _seen[machine.Id] = seen ??= [];
                foreach (var (reason, count) in machine.Exits)
                {
                    var before = seen.GetValueOrDefault(reason);
                    if (count > before)
                    {
                        seen[reason] = count;
                        added[reason] = added.GetValueOrDefault(reason) + (isBeginning ? 0 : count - before);
                    }
                }
            }

            foreach (var gone in _seen.Keys.Except(machines).ToList())
            {
                _seen.Remove(gone);
            }
        }

        return added;
    }
}

/// <summary>How often one machine's processors have left the guest, by reason.</summary>
/// <param name="Id">The pod's.</param>
/// <param name="IsRestored">Whether the machine is older than this daemon.</param>
internal sealed record MachineExits(string Id, IReadOnlyDictionary<string, ulong> Exits, bool IsRestored);
