using System.Buffers.Binary;

namespace Crisp.Linux;

public sealed partial class RouteSocket
{
    /// <summary>struct tcmsg: family, index at 4, handle at 8, parent at 12, info at 16.</summary>
    private const int TrafficMessageSize = 20;

    private const uint IngressHandle = 0xFFFF_0000;
    private const ushort TcaKind = 1;
    private const ushort TcaOptions = 2;

    /// <summary>
    /// Sends every frame that comes in through an interface out through another, before the namespace's own network stack or
    /// its filters see it (tc(8): qdisc ingress, a filter for everything, mirred egress redirect).
    /// </summary>
    /// <remarks>
    /// The filter is matchall, or where the kernel was built without it u32 with a key that always matches. EEXIST when the
    /// interface has an ingress or clsact qdisc.
    /// </remarks>
    public void RedirectIngress(Link from, Link to)
    {
        const ushort TcaMatchallAct = 2;
        const ushort TcaU32Act = 7;
        AddIngress(from);
        try
        {
            AddRedirect(from, to, "matchall", TcaMatchallAct, null);
        }
        catch (NetlinkException e) when (e.Errno == Errno.ENOENT)
        {
            AddRedirect(from, to, "u32", TcaU32Act, MatchAlways());
        }
    }

    private void AddIngress(Link link)
    {
        const ushort NewQdisc = 36;
        const uint TcHIngress = 0xFFFF_FFF1;
        _socket.Do(
            NewQdisc,
            NlmFCreateExclusive,
            TrafficMessage(link, IngressHandle, TcHIngress, 0),
            $"RTM_NEWQDISC ingress of {link.Name}",
            request => request.Add(TcaKind, "ingress"));
    }

    /// <param name="actionAttribute">TCA_MATCHALL_ACT or TCA_U32_ACT.</param>
    /// <param name="selector">TCA_U32_SEL, or null.</param>
    private void AddRedirect(Link from, Link to, string classifier, ushort actionAttribute, byte[]? selector)
    {
        const ushort NewFilter = 44;
        const ushort TcaU32Sel = 5;
        const uint Priority = 1;

        // ETH_P_ALL in the order of the wire.
        const uint EveryProtocol = 0x0300;
        _socket.Do(
            NewFilter,
            NlmFCreateExclusive,
            TrafficMessage(from, 0, IngressHandle, (Priority << 16) | EveryProtocol),
            $"RTM_NEWTFILTER {classifier} from {from.Name} to {to.Name}",
            request => request.Add(TcaKind, classifier).Nest(TcaOptions, options =>
            {
                if (selector is not null)
                {
                    options.Add(TcaU32Sel, selector);
                }

                options.Nest(actionAttribute, actions => AddMirred(actions, to));
            }));
    }

    private static void AddMirred(NetlinkRequest actions, Link to)
    {
        const ushort First = 1;
        const ushort TcaActKind = 1;
        const ushort TcaActOptions = 2;
        const ushort TcaMirredParms = 2;
        const int TcActStolen = 4;
        const int TcaEgressRedir = 1;

        // struct tc_mirred: index, capab, action, refcnt, bindcnt; eaction, ifindex.
        var mirred = new byte[28];
        BinaryPrimitives.WriteInt32LittleEndian(mirred.AsSpan(8), TcActStolen);
        BinaryPrimitives.WriteInt32LittleEndian(mirred.AsSpan(20), TcaEgressRedir);
        BinaryPrimitives.WriteInt32LittleEndian(mirred.AsSpan(24), to.Index);
        actions.Nest(First, action => action
            .Add(TcaActKind, "mirred")
            .Nest(TcaActOptions, options => options.Add(TcaMirredParms, mirred)));
    }

    /// <summary>struct tc_u32_sel: flags, then nkeys at 2; one struct tc_u32_key of all zeros: any 32 bits under no mask are 0.</summary>
    private static byte[] MatchAlways()
    {
        const byte TcU32Terminal = 1;
        var selector = new byte[16 + 16];
        selector[0] = TcU32Terminal;
        selector[2] = 1;
        return selector;
    }

    private static byte[] TrafficMessage(Link link, uint handle, uint parent, uint info)
    {
        var header = new byte[TrafficMessageSize];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), link.Index);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), handle);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), parent);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), info);
        return header;
    }
}
