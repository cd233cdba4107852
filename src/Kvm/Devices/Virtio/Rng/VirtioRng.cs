using Crisp.Kvm.Devices.Virtio.Queues;
using Crisp.Linux;

namespace Crisp.Kvm.Devices.Virtio.Rng;

/// <summary>The entropy device (virtio 1.2, 5.4): the node's random bytes.</summary>
internal sealed class VirtioRng : IVirtioDevice
{
    /// <summary>Descriptors may overlap, so a chain can describe far more than the guest has memory: a request gets no more than this.</summary>
    internal const int MostBytes = 64 * 1024;

    private VirtQueue? _queue;

    public uint Id => 4;

    public ulong Features => 0;

    public IReadOnlyList<ushort> QueueSizes { get; } = [64];

    public void ReadConfig(ulong offset, Span<byte> data) => data.Clear();

    public void WriteConfig(ulong offset, ReadOnlySpan<byte> data)
    {
    }

    public void Activate(ulong features, IReadOnlyList<VirtQueue?> queues, IVirtioHost host) => _queue = queues[0];

    public void Process(int queue)
    {
        while (_queue!.TryPop() is { } chain)
        {
            for (var left = MostBytes; left > 0 && chain.NextWritable(left) is { Length: > 0 } piece; left -= piece.Length)
            {
                RandomBytes.Fill(piece);
            }

            _queue.Push(chain, chain.Written);
        }
    }

    public void Reset() => _queue = null;
}
