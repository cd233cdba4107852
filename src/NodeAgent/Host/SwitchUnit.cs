using Crisp.Install;

namespace Crisp.NodeAgent.Host;

/// <summary>The unit of a kubelet's switch (systemd.service(5)), which outlives the agent's pod and, enabled, a reboot.</summary>
internal static class SwitchUnit
{
    public const string Name = "crisp-node-switch.service";

    public const string Path = $"/etc/systemd/system/{Name}";

    public const string Text =
        $"""
        # Written by crisp-node-agent, for one switch of the kubelet's container runtime at a time.
        [Unit]
        Description=Switch of the kubelet's container runtime
        ConditionPathExists=/var/lib/crisp-node-agent/switch.json
        After=network.target {CrispUnit.Name}

        [Service]
        Type=oneshot
        ExecStart={ProgramFiles.Directory}/current/crisp-node-agent switch
        TimeoutStartSec=infinity
        Restart=on-failure
        RestartSec=5

        [Install]
        WantedBy=multi-user.target

        """;
}
