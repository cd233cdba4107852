namespace Crisp.Install;

/// <summary>The unit of the daemon (systemd.service(5)): what <c>crisp install</c> and the node agent write, in one place.</summary>
public static class CrispUnit
{
    public const string Name = "crisp.service";

    public const string Path = $"/etc/systemd/system/{Name}";

    /// <summary>
    /// KillMode=process: pods outlive the daemon. No option may make a mount namespace, a seccomp filter or no_new_privs
    /// (PrivateTmp=, ProtectSystem=, SystemCallFilter=, NoNewPrivileges= and the like): pods would inherit them.
    /// </summary>
    public const string Text =
        $"""
        # Written by crisp; an upgrade overwrites it. What is to stay belongs in a drop-in: systemctl edit crisp.
        [Unit]
        Description=crisp, container runtime
        After=network.target local-fs.target dbus.socket
        Before=kubelet.service
        StartLimitIntervalSec=0

        [Service]
        Type=notify
        ExecStart={ProgramFiles.Crisp} serve
        ExecReload=/bin/kill -HUP $MAINPID
        Restart=always
        RestartSec=1
        # The daemon proves each half of this time that it answers; one that does not is replaced.
        WatchdogSec=60
        # Pods live on without it, in cgroups and scopes of their own. Nothing here may shut them in: no option that makes
        # a mount namespace, a seccomp filter or no_new_privs.
        KillMode=process
        Delegate=yes
        TasksMax=infinity
        OOMScoreAdjust=-999
        # Not infinity: network plugins close every descriptor up to the limit, and systemd's infinity is a thousand million.
        LimitNOFILE=1048576
        LimitNPROC=infinity
        LimitCORE=infinity

        [Install]
        WantedBy=multi-user.target

        """;
}
