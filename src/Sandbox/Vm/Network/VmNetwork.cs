using System.Globalization;
using Crisp.Kvm;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm.Network;

/// <summary>
/// A virtual machine in its pod's network: a tap beside each interface that CNI made, and everything that comes in through one
/// goes out through the other (tc(8), mirred).
/// </summary>
/// <remarks>
/// CNI's interfaces keep their addresses, so that CHECK finds what ADD made. The namespace's own network stack never sees a frame, and
/// answers none: the redirection comes before it. That holds when the taps, whose descriptors are here, have been closed too: what
/// is redirected to them is lost then.
/// </remarks>
internal sealed class VmNetwork : IDisposable
{
    private VmNetwork(GuestNetwork guest, IReadOnlyList<TapSource> taps) => (Guest, Taps) = (guest, taps);

    /// <summary>For the guest.</summary>
    internal GuestNetwork Guest { get; }

    /// <summary>One for each interface of <see cref="Guest"/>, with its Ethernet address.</summary>
    internal IReadOnlyList<TapSource> Taps { get; }

    /// <exception cref="VmNetworkException">The namespace's network cannot be a virtual machine's.</exception>
    /// <exception cref="LinuxException">A tap or a redirection cannot be made.</exception>
    internal static VmNetwork Create(FileDescriptor networkNamespace)
    {
        using var socket = RouteSocket.Open(networkNamespace);
        var links = socket.Links().Where(l => l is { IsLoopback: false, IsUp: true }).ToList();
        if (links.FirstOrDefault(l => l.Mac is null) is { } strange)
        {
            throw new VmNetworkException($"The pod's interface {strange.Name} is no Ethernet interface, which is all that a virtual machine can have.");
        }

        var guest = GuestNetworkReader.Read(socket, links);
        var taps = new List<TapSource>();
        try
        {
            foreach (var (number, link) in links.Index())
            {
                taps.Add(Join(networkNamespace, socket, link, string.Create(CultureInfo.InvariantCulture, $"crisp-tap{number}")));
            }

            return new VmNetwork(guest, taps);
        }
        catch (NetlinkException e) when (e.Errno == Errno.ENOENT)
        {
            Close(taps);
            throw new VmNetworkException(
                "The node's kernel cannot redirect frames to a virtual machine: it needs the modules sch_ingress, act_mirred, and cls_matchall or "
                + $"cls_u32 ({e.Message}).",
                e);
        }
        catch
        {
            Close(taps);
            throw;
        }
    }

    public void Dispose() => Close(Taps);

    private static void Close(IEnumerable<TapSource> taps)
    {
        foreach (var tap in taps)
        {
            tap.File.Dispose();
        }
    }

    private static TapSource Join(FileDescriptor networkNamespace, RouteSocket socket, Link link, string name)
    {
        var file = Tap.Open(networkNamespace, name, TapSource.HeaderSize);
        try
        {
            var tap = socket.Links().Single(l => l.Name == name);
            socket.WithoutLinkLocalAddress(tap);
            socket.Change(tap, new LinkChange { Mtu = link.Mtu, IsUp = true });
            socket.RedirectIngress(tap, link);
            socket.RedirectIngress(link, tap);
            return new TapSource(file, link.Mac!.Value);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
