using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>
/// Steps that make a terminal of the container's own devpts the controlling one and connect the standard streams with it.
/// The master goes to this process at a stop, where it is also checked to be one, before anything is asked of it.
/// </summary>
internal sealed class TerminalSteps(PlanBuilder builder)
{
    private const ResolveFlags NoLinks = ResolveFlags.NoSymlinks | ResolveFlags.NoMagicLinks;
    private const OpenFlags ReadWrite = OpenFlags.ReadWrite | OpenFlags.NoTerminal;
    private PlanDescriptor _master;
    private PlanDescriptor _slave;

    /// <summary>From the devpts that this plan has mounted.</summary>
    internal void OpenOf(PlanDescriptor devpts)
        => _master = builder.Label("Open the terminal").OpenAt2(devpts, "ptmx", ReadWrite, ResolveFlags.Beneath | NoLinks).As("master");

    /// <summary>From a running container's /dev/pts, whose root may have put anything there (CVE-2025-52565).</summary>
    internal void OpenIn(PlanDescriptor root)
        => _master = builder.Label("Open the terminal").OpenAt2(root, "dev/pts/ptmx", ReadWrite, ResolveFlags.InRoot | NoLinks).As("master");

    /// <summary>Hands the master over and opens the other end, for its new owner.</summary>
    internal void Prepare(uint owner)
    {
        const uint Unchanged = uint.MaxValue;
        builder.Dup3(_master, 0);
        builder.Stop(LaunchStops.Terminal, LaunchStops.Deadline);
        builder.UnlockTerminal(_master);
        _slave = builder.OpenTerminalPeer(_master).As("terminal");
        builder.FchownAt(_slave, "", owner, Unchanged);
    }

    /// <summary>/dev/console is the terminal.</summary>
    internal void MakeConsole(PlanDescriptor devfs)
    {
        builder.MknodAt(devfs, "console", FileType.Regular, 0x1B6).Accept(Errno.EEXIST);
        var console = builder.OpenAt2(devfs, "console", OpenFlags.Path, ResolveFlags.Beneath | ResolveFlags.NoSymlinks).As("console");
        builder.MoveMount(builder.OpenTree(_slave, "", OpenTreeFlags.Clone | OpenTreeFlags.EmptyPath).As("copy of terminal"), console);
    }

    /// <summary>After the process has become the leader of a session.</summary>
    internal void Connect()
    {
        builder.Label("Connect the terminal").SetControllingTerminal(_slave);
        for (var number = 0; number <= 2; number++)
        {
            builder.Dup3(_slave, number);
        }
    }
}
