using Crisp.Network;

namespace Crisp.CriServer.Networking;

/// <summary>
/// NetworkReady. The kubelet asks every few seconds and takes a runtime that does not answer for dead, so plugins that are slow
/// with STATUS must not hold its call up: they are asked at most every five seconds, and waited for two.
/// </summary>
internal sealed class NetworkCondition(CniNetwork cni, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _freshness = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _gate = new(1, 1);
    private NetworkConfigList? _network;
    private Task<string>? _asked;
    private long _at;

    public async Task<(bool Ready, string Message)> GetAsync(CniDirectoryState state)
    {
        if (state.Network is not { } network)
        {
            return (false, state.Problem);
        }

        try
        {
            var failure = await (await AskAsync(network)).WaitAsync(_patience, time);
            return (failure.Length == 0, failure.Length == 0 ? state.Problem : $"{failure} {state.Problem}".TrimEnd());
        }
        catch (TimeoutException)
        {
            return (false, $"The plugins of the network {network.Name} have not answered STATUS for {_patience.TotalSeconds:0} s.");
        }
    }

    public void Dispose() => _gate.Dispose();

    // The answer that is fresh, or on its way.
    private async Task<Task<string>> AskAsync(NetworkConfigList network)
    {
        await _gate.WaitAsync();
        try
        {
            var stale = _asked is { IsCompleted: true } && time.GetElapsedTime(_at) > _freshness;
            if (_asked is null || stale || !ReferenceEquals(_network, network))
            {
                (_network, _at, _asked) = (network, time.GetTimestamp(), FailureAsync(network));
            }

            return _asked;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<string> FailureAsync(NetworkConfigList network)
    {
        try
        {
            await cni.StatusAsync(network);
            return "";
        }
        catch (CniException e)
        {
            return e.Message;
        }
    }
}
