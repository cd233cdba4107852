using Crisp.Linux.Interop;

namespace Crisp.Linux.Plans;

public sealed partial class PlanBuilder
{
    /// <summary>ioctl(2), TIOCSPTLCK 0: the slave of this pseudoterminal may be opened.</summary>
    public StepReference UnlockTerminal(PlanDescriptor master)
    {
        const int Tiocsptlck = 0x40045431;
        return Add(SystemCall.ioctl, master.Argument, Literal(Tiocsptlck, ArgumentFormat.Ioctl), Struct(0, new SymbolSource("[0]")));
    }

    /// <summary>ioctl(2), TIOCGPTPEER: the result is the slave itself, without trusting any path (CVE-2025-52565).</summary>
    public StepReference OpenTerminalPeer(PlanDescriptor master)
    {
        const int Tiocgptpeer = 0x5441;
        const OpenFlags Flags = OpenFlags.ReadWrite | OpenFlags.NoTerminal | OpenFlags.CloseOnExec;
        return Add(
            SystemCall.ioctl,
            master.Argument,
            Literal(Tiocgptpeer, ArgumentFormat.Ioctl),
            Literal((long)Flags, ArgumentFormat.OpenFlags));
    }

    /// <summary>ioctl(2), TIOCSCTTY: the terminal controls this session. <see cref="SetSid"/> must come before.</summary>
    public StepReference SetControllingTerminal(PlanDescriptor terminal)
    {
        const int Tiocsctty = 0x540E;
        return Add(SystemCall.ioctl, terminal.Argument, Literal(Tiocsctty, ArgumentFormat.Ioctl), Literal(0));
    }

    /// <summary>netdevice(7), SIOCSIFFLAGS with IFF_UP alone, for an interface of the process's network namespace.</summary>
    public StepReference InterfaceUp(string name)
    {
        const int AfInet = 2;
        const int SockDgram = 2;
        const int SockCloexec = 0x80000;
        const int Siocsifflags = 0x8914;
        const short IffUp = 1;
        var socket = Call(SystemCall.socket, AfInet, SockDgram | SockCloexec, 0).As("socket");
        return Add(
            SystemCall.ioctl,
            socket.ToPlanDescriptor().Argument,
            Literal(Siocsifflags, ArgumentFormat.Ioctl),
            Struct(new ifreq(name, IffUp), new SymbolSource($"{{{name}, UP}}")));
    }
}
