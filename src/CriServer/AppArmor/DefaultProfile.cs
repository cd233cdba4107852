namespace Crisp.CriServer.AppArmor;

/// <summary>
/// The profile of containers that ask for RuntimeDefault, and of those that ask for none where AppArmor is on: what Docker's
/// and containerd's default profiles forbid. It mostly repeats what masked paths and capabilities forbid, for the case that one
/// of those fails.
/// </summary>
internal static class DefaultProfile
{
    public const string Name = "crisp-default";

    // apparmor.d(5). A denial outweighs every permission. A mount of the container's may not be reachable from the node's
    // root, hence attach_disconnected. By the rules of a later version "network" leaves out unix sockets, and user namespaces
    // are denied; 3.0 is also what older parsers know.
    public const string Text = $$"""
        abi <abi/3.0>,

        @{PROC}=/proc/

        profile {{Name}} flags=(attach_disconnected,mediate_deleted) {
          network,
          capability,
          file,
          umount,

          # Whoever stops the container is not confined; its processes may signal and trace each other.
          signal (receive) peer=unconfined,
          signal (send, receive) peer={{Name}},
          ptrace (trace, read, tracedby, readby) peer={{Name}},

          deny mount,

          # In /proc only processes and System V's shared memory limits are the container's own.
          deny @{PROC}/* w,
          deny @{PROC}/{[^1-9s],s[^ey]}*/** w,
          deny @{PROC}/sys/[^k]** w,
          deny @{PROC}/sys/kernel/{[^s]*,s[^h]*,sh[^m]*} w,
          deny @{PROC}/sys/kernel/{[^s]*,s[^h]*,sh[^m]*}/** w,
          deny @{PROC}/sysrq-trigger rwklx,
          deny @{PROC}/kcore rwklx,

          # In /sys only cgroups are.
          deny /sys/[^f]*/** wklx,
          deny /sys/f[^s]*/** wklx,
          deny /sys/fs/[^c]*/** wklx,
          deny /sys/fs/c[^g]*/** wklx,
          deny /sys/firmware/** rwklx,
          deny /sys/devices/virtual/powercap/** rwklx,
          deny /sys/kernel/security/** rwklx,
        }

        """;
}
