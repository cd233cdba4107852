using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class LinkCounterTests
{
    [Fact]
    public void OwnNamespace_CountsAsProcNetDevDoes()
    {
        Root.Required();
        using var ns = Namespaces.OpenOwn("net");
        using var socket = LinkCounterSocket.Open(ns);
        Send();
        var before = ProcNetDev();
        var links = socket.Read();
        var after = ProcNetDev();
        Assert.Equal(before.Keys.Order(), links.Select(l => l.Name).Order());
        foreach (var link in links)
        {
            Assert.InRange(link.ReceivedBytes, before[link.Name][0], after[link.Name][0]);
            Assert.InRange(link.ReceivedPackets, before[link.Name][1], after[link.Name][1]);
            Assert.InRange(link.ReceiveErrors, before[link.Name][2], after[link.Name][2]);
            Assert.InRange(link.SentBytes, before[link.Name][8], after[link.Name][8]);
            Assert.InRange(link.SentPackets, before[link.Name][9], after[link.Name][9]);
            Assert.InRange(link.SendErrors, before[link.Name][10], after[link.Name][10]);
            Assert.InRange(link.SendDropped, before[link.Name][11], after[link.Name][11]);
        }

        var loopback = links.Single(l => l.IsLoopback);
        Assert.Equal("lo", loopback.Name);
        Assert.True(loopback.ReceivedBytes > 1000);
    }

    [Fact]
    public void OtherNamespace_IsReadWithoutLeavingOnesOwn()
    {
        Root.Required();
        var own = Files.ReadlinkAt(FileDescriptor.CurrentDirectory, "/proc/thread-self/ns/net");
        using var other = NewNamespace();
        using var socket = LinkCounterSocket.Open(other);
        var lo = Assert.Single(socket.Read());
        Assert.Equal((true, 0UL, 0UL), (lo.IsLoopback, lo.ReceivedBytes, lo.SentPackets));
        Assert.Equal("lo", Assert.Single(socket.Read()).Name);
        Assert.Equal(own, Files.ReadlinkAt(FileDescriptor.CurrentDirectory, "/proc/thread-self/ns/net"));
    }

    [Fact]
    public void WhatIsNoNetworkNamespace_IsRefused()
    {
        Root.Required();
        using var mount = Namespaces.OpenOwn("mnt");
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => LinkCounterSocket.Open(mount)).Errno);
    }

    private static FileDescriptor NewNamespace()
    {
        FileDescriptor? made = null;
        var thread = new Thread(() =>
        {
            Namespaces.Unshare(NamespaceFlags.Network);
            made = Namespaces.OpenOwn("net");
        });
        thread.Start();
        thread.Join();
        return made!;
    }

    private static void Send()
    {
        using var udp = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        udp.Send(new byte[1200], (IPEndPoint)udp.Client.LocalEndPoint!);
    }

    // proc_pid_net(5): bytes, packets, errs, drop, fifo, frame, compressed, multicast received; then the same sent.
    private static Dictionary<string, ulong[]> ProcNetDev() => File.ReadAllLines("/proc/thread-self/net/dev")
        .Skip(2)
        .Select(line => line.Split(':'))
        .ToDictionary(p => p[0].Trim(), p => p[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ulong.Parse).ToArray());
}
