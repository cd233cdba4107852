using Crisp.Install.Host;
using Crisp.NodeAgent.Switching;

namespace Crisp.NodeAgent.Tests.Switching;

/// <summary>A node with a kubelet and two runtimes, which can die at any operation and refuse any.</summary>
internal sealed class TestSwitchHost : ISwitchHost
{
    public const string Containerd = "unix:///run/containerd/containerd.sock";
    public const string Crisp = "unix:///run/crisp/crisp.sock";
    private int _operations;

    public SwitchRecord? Record { get; set; }

    public string Endpoint { get; private set; } = Containerd;

    public bool IsKubeletRunning { get; private set; } = true;

    /// <summary>Pods of each runtime.</summary>
    public Dictionary<string, int> Pods { get; } = new() { [Containerd] = 3, [Crisp] = 0 };

    public List<string> Done { get; } = [];

    /// <summary>The operation before or after which the process dies; 0 is never.</summary>
    public int DiesAt { get; set; }

    public bool DiesAfter { get; set; }

    /// <summary>Operations that are refused, with what message.</summary>
    public Func<string, string?> Refuses { get; set; } = _ => null;

    /// <summary>Whether the agent's next pod finds the node Ready.</summary>
    public bool IsConfirmed { get; set; } = true;

    public bool IsHealthy { get; set; } = true;

    public int Operations => _operations;

    public void Save(SwitchRecord record) => Operate($"save {record.Step}", () => Record = SwitchRecord.Read(SwitchRecord.Write(record)));

    public Task StopKubeletAsync(string unit, CancellationToken cancellation) => OperateAsync("stop kubelet", () => IsKubeletRunning = false);

    public Task StartKubeletAsync(string unit, CancellationToken cancellation) => OperateAsync("start kubelet", StartKubelet);

    public Task RemovePodsAsync(string endpoint, CancellationToken cancellation) => OperateAsync($"remove pods {endpoint}", () =>
    {
        if (IsKubeletRunning)
        {
            throw new InvalidOperationException("Pods were removed under a running kubelet, which makes them again.");
        }

        Pods[endpoint] = 0;
    });

    public void SetEndpoint(KubeletSetting setting) => Operate($"set {setting.Endpoint}", () => Endpoint = setting.Endpoint!);

    public Task<bool> IsKubeletHealthyAsync(string url, CancellationToken cancellation) => Task.FromResult(IsHealthy && IsKubeletRunning);

    public string? Confirmation() => IsConfirmed && Endpoint == Record!.After.Endpoint ? Record.Id : null;

    /// <summary>A reboot: systemd starts the kubelet, whatever was under way.</summary>
    public void Reboot() => StartKubelet();

    private void StartKubelet()
    {
        if (!IsKubeletRunning)
        {
            IsKubeletRunning = true;
        }

        Pods[Endpoint] = 3;
    }

    private Task OperateAsync(string name, Action action)
    {
        Operate(name, action);
        return Task.CompletedTask;
    }

    private void Operate(string name, Action action)
    {
        _operations++;
        if (_operations == DiesAt && !DiesAfter)
        {
            throw new KilledException();
        }

        if (Refuses(name) is { } message)
        {
            throw new HostException(message);
        }

        Done.Add(name);
        action();
        if (_operations == DiesAt)
        {
            throw new KilledException();
        }
    }
}

/// <summary>SIGKILL: nothing catches it.</summary>
internal sealed class KilledException : Exception;
