using Crisp.Install.Host;
using Crisp.NodeAgent.Host;

namespace Crisp.NodeAgent.Switching;

/// <summary>The node itself, for a switch that runs as a service of its systemd.</summary>
internal sealed class SwitchHost(HostRoot root, HostSystemd systemd, SwitchStore store) : ISwitchHost, IDisposable
{
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };

    public void Save(SwitchRecord record) => store.Save(record);

    public Task StopKubeletAsync(string unit, CancellationToken cancellation) => systemd.StopAsync(unit, cancellation);

    public Task StartKubeletAsync(string unit, CancellationToken cancellation) => systemd.StartAsync(unit, cancellation);

    public async Task RemovePodsAsync(string endpoint, CancellationToken cancellation)
    {
        using var runtime = new RuntimeClient(root, endpoint);
        await runtime.RemoveAllPodsAsync(cancellation);
    }

    public void SetEndpoint(KubeletSetting setting) => KubeletFiles.Apply(root, setting);

    public async Task<bool> IsKubeletHealthyAsync(string url, CancellationToken cancellation)
    {
        try
        {
            using var answer = await _http.GetAsync(url, cancellation);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    public string? Confirmation() => store.Confirmation();

    public void Dispose() => _http.Dispose();
}
