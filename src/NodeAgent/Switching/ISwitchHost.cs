namespace Crisp.NodeAgent.Switching;

/// <summary>What a switch does to its node. Each operation may be done twice.</summary>
internal interface ISwitchHost
{
    /// <summary>On return the record is on the disk.</summary>
    public void Save(SwitchRecord record);

    public Task StopKubeletAsync(string unit, CancellationToken cancellation);

    public Task StartKubeletAsync(string unit, CancellationToken cancellation);

    /// <summary>Stops and removes all pods of a runtime.</summary>
    /// <exception cref="Crisp.Install.Host.HostException">It does not answer, or refuses.</exception>
    public Task RemovePodsAsync(string endpoint, CancellationToken cancellation);

    /// <exception cref="Crisp.Install.Host.HostException">The file cannot be written.</exception>
    public void SetEndpoint(KubeletSetting setting);

    /// <summary>Whether the kubelet says of itself that it is well.</summary>
    public Task<bool> IsKubeletHealthyAsync(string url, CancellationToken cancellation);

    /// <summary>The id of the switch that the agent has confirmed.</summary>
    public string? Confirmation();
}
