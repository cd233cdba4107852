using System.Net.Sockets;
using System.Text;
using Crisp.Kvm;
using Crisp.Linux;
using Crisp.Network.Tests.RealPlugins;
using Crisp.Sandbox.Vm.Network;

namespace Crisp.Sandbox.Tests.Vm.Network;

/// <summary>
/// A network namespace that plays the guest: its interface is a tap too, and two threads are the network device between both.
/// </summary>
internal sealed class SimulatedGuest : IDisposable
{
    private readonly FileDescriptor _tap;
    private readonly List<Thread> _pumps;
    private volatile bool _ends;

    internal SimulatedGuest(VmNetwork network)
    {
        var source = network.Taps[0];
        Namespace = new NetNamespace();
        using var ns = OpenNamespace();
        _tap = Tap.Open(ns, "virtio7", TapSource.HeaderSize);
        using var socket = RouteSocket.Open(ns);
        socket.Change(socket.Links().Single(l => l.Name == "virtio7"), new LinkChange { Mac = source.Mac });
        GuestNetworkSetup.Apply(network.Guest, socket);
        _pumps = [new Thread(() => Pump(source.File, _tap)), new Thread(() => Pump(_tap, source.File))];
        _pumps.ForEach(p => p.Start());
    }

    internal NetNamespace Namespace { get; }

    internal FileDescriptor OpenNamespace() => Files.Open(Namespace.Path, OpenFlags.ReadOnly);

    /// <summary>Serves a page over HTTP on every address.</summary>
    internal IDisposable Serve(string text)
    {
        var listener = Namespace.Run(() =>
        {
            var l = TcpListener.Create(80);
            l.Start();
            return l;
        });
        _ = Task.Run(async () =>
        {
            while (true)
            {
                using var client = await listener.AcceptSocketAsync();
                await client.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.0 200 OK\r\n\r\n{text}"));
                client.Shutdown(SocketShutdown.Send);
            }
        });
        return listener;
    }

    public void Dispose()
    {
        _ends = true;
        _pumps.ForEach(p => p.Join());
        _tap.Dispose();
        Namespace.Dispose();
    }

    private void Pump(FileDescriptor from, FileDescriptor to)
    {
        var frame = new byte[TapSource.HeaderSize + 65536];
        while (!_ends)
        {
            if (Poll.WaitReadable(from, TimeSpan.FromMilliseconds(50)) && Files.TryRead(from, frame, out _) is > 0 and var length)
            {
                Files.TryWrite(to, frame.AsSpan(0, length), out _);
            }
        }
    }
}
