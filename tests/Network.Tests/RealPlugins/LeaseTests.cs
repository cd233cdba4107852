using Xunit;

namespace Crisp.Network.Tests.RealPlugins;

/// <summary>No lease outlives its pod, however the pods end.</summary>
public sealed class LeaseTests : IDisposable
{
    private const int Pods = 200;
    private const int AtOnce = 4;
    private readonly TestNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task After200Pods_WhatTheyLeasedIsFree()
    {
        var network = _node.Config();
        await Parallel.ForEachAsync(Enumerable.Range(0, Pods), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
        {
            var id = $"pod{i}";
            using var pod = new NetNamespace();
            switch (i % 4)
            {
                case 0:
                    // A quiet life.
                    await _node.Cni.AddAsync(network, TestNode.Attachment(pod, id));
                    await _node.Cni.DeleteAsync(id);
                    break;
                case 1:
                    // The namespace is gone before DEL.
                    await _node.Cni.AddAsync(network, TestNode.Attachment(pod, id));
                    pod.Dispose();
                    await _node.Cni.DeleteAsync(id);
                    break;
                case 2:
                    // The daemon dies within ADD, and a later one deletes.
                    await DieWithinAddAsync(network, pod, id);
                    break;
                default:
                    // The plugin is killed within ADD, at a moment that differs from pod to pod.
                    await KillWithinAddAsync(network, pod, id, TimeSpan.FromMilliseconds(2 + (i % 60)));
                    break;
            }
        });

        Assert.Empty(_node.Cni.Attachments());
        Assert.Empty(_node.Leases);
        // The bridge plugin finds its masquerading rules by the addresses in the namespace: it leaves those of a pod whose
        // namespace was gone, or had no address yet when an earlier bridge was killed. Nothing else may be left.
        var expected = Enumerable.Range(0, Pods).Where(i => i % 4 is 1 or 3).Select(i => $"id: \\\"pod{i}\\\"").ToList();
        var unexpected = _node.Remains.Where(r => !expected.Exists(e => r.Contains(e, StringComparison.Ordinal)));
        Assert.Equal("", string.Join('\n', unexpected));
    }

    private async Task DieWithinAddAsync(NetworkConfigList network, NetNamespace pod, string id)
    {
        using (var dying = new CniNetwork(_node.Options with { Reached = step => Die(step) }))
        {
            await Assert.ThrowsAsync<Death>(() => dying.AddAsync(network, TestNode.Attachment(pod, id)));
        }

        Assert.Contains((id, "eth0"), _node.Cni.Attachments());
        Assert.True(await _node.Cni.DeleteAsync(id));
    }

    private async Task KillWithinAddAsync(NetworkConfigList network, NetNamespace pod, string id, TimeSpan patience)
    {
        using var hasty = new CniNetwork(_node.Options with { PluginTimeout = patience });
        try
        {
            await hasty.AddAsync(network, TestNode.Attachment(pod, id));
        }
        catch (CniException e)
        {
            Assert.Contains("did not end within", e.Message, StringComparison.Ordinal);
        }

        // With that little time its own undoing fails too, and the attachment stays in the cache. The bridge plugin's first DEL
        // may stumble over a rule that was never made; its second does not.
        try
        {
            await _node.Cni.DeleteAsync(id);
        }
        catch (CniException)
        {
            await _node.Cni.DeleteAsync(id);
        }
    }

    private static void Die(CniStep step)
    {
        if (step == CniStep.PluginAdded)
        {
            throw new Death();
        }
    }

    private sealed class Death : Exception;
}
