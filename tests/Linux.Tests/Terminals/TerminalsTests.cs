using System.Text;
using Crisp.Linux.Plans;
using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class TerminalsTests
{
    private static readonly FileDescriptor s_cwd = FileDescriptor.CurrentDirectory;

    [Fact]
    public void Peer_IsTheOtherEndAndATerminal()
    {
        using var master = Terminals.OpenMaster(s_cwd, "/dev/ptmx");
        using var peer = Terminals.OpenPeer(master);

        Files.WriteAll(master, "typed\n"u8);

        var line = new byte[100];
        Assert.Equal("typed\n", Encoding.ASCII.GetString(line, 0, Files.Read(peer, line)));
        Assert.StartsWith("/dev/pts/", Files.ReadlinkAt(s_cwd, peer.ProcPath));
    }

    [Fact]
    public void Resize_IsSeenAtTheOtherEnd()
    {
        using var master = Terminals.OpenMaster(s_cwd, "/dev/ptmx");
        using var peer = Terminals.OpenPeer(master);
        Assert.Equal(((ushort)0, (ushort)0), Terminals.GetSize(peer));

        Terminals.Resize(master, columns: 132, rows: 50);

        Assert.Equal(((ushort)132, (ushort)50), Terminals.GetSize(peer));
    }

    [Fact]
    public void Resize_SignalsTheForegroundProgram()
    {
        using var master = Terminals.OpenMaster(s_cwd, "/dev/ptmx");
        using var peer = Terminals.OpenPeer(master);
        var builder = new PlanBuilder();
        builder.SetSid();
        var terminal = builder.Descriptor("terminal", peer);
        builder.SetControllingTerminal(terminal);
        for (var i = 0; i < 3; i++)
        {
            builder.Dup3(terminal, i);
        }

        using var plan = builder.Shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.02; done").Build();
        using var process = PlanLauncher.Launch(plan);
        process.RunToEnd(PlanRunner.Deadline);
        peer.Dispose();
        Assert.Equal("ready\r\n", ReadLine(master));

        Terminals.Resize(master, columns: 100, rows: 30);

        Assert.Equal("30 100\r\n", ReadLine(master));
        Assert.Equal(0, Processes.WaitPidfd(process.Pidfd).ExitCode);

        // A terminal that nobody has open any more reads as EIO, not as an end.
        Assert.Equal(-1, Files.TryRead(master, new byte[1], out var errno));
        Assert.Equal(Errno.EIO, errno);
    }

    [Fact]
    public void WhatIsNoTerminal_IsRefusedByName()
    {
        var (read, write) = Pipes.Create();
        using var reader = read;
        using var writer = write;

        Assert.StartsWith("ioctl TIOCSWINSZ: ENOTTY", Assert.Throws<LinuxException>(() => Terminals.Resize(reader, 1, 1)).Message);
        Assert.StartsWith("ioctl TIOCGWINSZ: ENOTTY", Assert.Throws<LinuxException>(() => Terminals.GetSize(reader)).Message);
        Assert.StartsWith("ioctl TIOCGPTPEER: ENOTTY", Assert.Throws<LinuxException>(() => Terminals.OpenPeer(reader)).Message);
        Assert.StartsWith("ioctl TIOCSPTLCK: ENOTTY", Assert.Throws<LinuxException>(() => Terminals.OpenMaster(s_cwd, "/dev/null")).Message);
        Assert.StartsWith("openat /dev/missing: ENOENT", Assert.Throws<LinuxException>(() => Terminals.OpenMaster(s_cwd, "/dev/missing")).Message);
    }

    private static string ReadLine(FileDescriptor terminal)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (!line.ToString().EndsWith('\n'))
        {
            Assert.True(Poll.WaitReadable(terminal, PlanRunner.Deadline), $"no line after \"{line}\"");
            line.Append(Encoding.ASCII.GetString(one, 0, Files.Read(terminal, one)));
        }

        return line.ToString();
    }
}
