using System.Text;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>Containers and execs with a terminal, with and without a user namespace.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Container_HasItsOwnTerminalAsConsoleAndStreams(bool user)
    {
        var script = "tty; readlink /proc/self/fd/2; stat -c '%F %t:%T %U:%G %a' /dev/console /dev/pts/0; echo $TERM; cut -d' ' -f5,6,7 /proc/self/stat; echo /proc/self/fd/*; echo typed: $(head -n1)";
        var spec = Specs.Container(script).With(p => p with { Terminal = true, User = new UserSpec { User = "app" } });
        using var container = _fixture.Start(spec, Pod(user));
        Files.WriteAll(container.Process.Terminal!, "hello\n"u8);
        var lines = ReadToEnd(container.Process.Terminal!).Split("\r\n");

        // What is typed is echoed whenever it comes.
        lines = [.. lines.Where(l => l != "hello")];
        Assert.Equal("/dev/pts/0", lines[0]);
        Assert.Equal("/dev/pts/0", lines[1]);
        Assert.Equal("character special file 88:0 app:5 620", lines[2].Replace("UNKNOWN", "5", StringComparison.Ordinal));
        Assert.Equal(lines[2], lines[3]);
        Assert.Equal("xterm", lines[4]);

        // Process group and session of the shell, and device 136:0 as the controlling terminal.
        Assert.Equal("1 1 34816", lines[5]);
        Assert.Equal("/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3", lines[6]);
        Assert.Equal("typed: hello", lines[7]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exec_HasATerminalOfTheContainersDevpts(bool user)
    {
        using var container = Start(user);
        using var exec = _fixture.Exec(container, Specs.Process(["sh", "-c", "stty -echo; tty; echo $TERM; stat -c %U $(tty); read go; stty size"]) with
        {
            Terminal = true,
            User = new UserSpec { User = "app" },
        });
        Assert.Equal("/dev/pts/0\r\nxterm\r\napp\r\n", ReadUntil(exec.Process.Terminal!, "app\r\n"));
        Terminals.Resize(exec.Process.Terminal!, 123, 45);
        Files.WriteAll(exec.Process.Terminal!, "\n"u8);

        Assert.Equal("45 123\r\n", ReadToEnd(exec.Process.Terminal!));
    }

    [Fact]
    public void Interrupt_ReachesTheForegroundProcess()
    {
        using var container = _fixture.Start(Specs.Container("trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 1; done").With(p => p with { Terminal = true }));
        var terminal = container.Process.Terminal!;
        Assert.Equal("ready\r\n", ReadUntil(terminal, "ready\r\n"));
        Files.WriteAll(terminal, [3]);

        Assert.EndsWith("interrupted\r\n", ReadToEnd(terminal));
        Assert.Equal(3, Linux.Processes.WaitPidfd(container.Process.Pidfd).ExitCode);
    }

    [Theory]
    [InlineData("rm /dev/pts/ptmx; umount /dev/pts; ln -s /etc/passwd /dev/pts/ptmx")]
    [InlineData("umount /dev/pts; echo x > /dev/pts/ptmx")]
    [InlineData("umount /dev/pts; mkfifo /dev/pts/ptmx; sleep 1000 <> /dev/pts/ptmx &")]
    [InlineData("umount /dev/pts; mknod /dev/pts/ptmx c 1 3")]
    [InlineData("umount /dev/pts; mknod /dev/pts/ptmx c 5 2")]
    [InlineData("mount -t tmpfs none /dev; mkdir /dev/pts; ln -s /proc/1/fd/0 /dev/pts/ptmx")]
    public void Exec_WhereTheContainerPutAnotherFile_IsRefused(string attack)
    {
        var all = Specs.DefaultCapabilities.Append("CAP_SYS_ADMIN").ToList();
        using var container = _fixture.Start(Specs.Container($"{{ {attack}\n}} 2>/dev/null; echo done; sleep 1000")
            .With(p => p with { Capabilities = new CapabilitiesSpec { Bounding = all, Permitted = all, Effective = all } }));
        Assert.Equal("done", container.ReadLine());

        Assert.Throws<SandboxException>(() => _fixture.Exec(container, Specs.Process(["true"]) with { Terminal = true }));
    }

    [Fact]
    public void Terminal_WithoutDevpts_IsRefused()
    {
        var spec = Specs.Container("true").With(p => p with { Terminal = true });
        spec = spec with { Mounts = [.. spec.Mounts.Where(m => m.Target != "/dev/pts")] };

        Assert.Equal(RpcCode.InvalidArgument, Assert.Throws<SandboxException>(() => _fixture.Start(spec)).Code);
    }

    private static string ReadUntil(FileDescriptor terminal, string end)
    {
        var text = "";
        Span<byte> buffer = stackalloc byte[512];
        while (!text.EndsWith(end, StringComparison.Ordinal) && Poll.WaitReadable(terminal, LaunchFixture.Deadline))
        {
            text += Encoding.UTF8.GetString(buffer[..Files.Read(terminal, buffer)]);
        }

        return text;
    }

    /// <summary>Until nobody has the terminal any more, which is EIO.</summary>
    private static string ReadToEnd(FileDescriptor terminal)
    {
        var text = "";
        Span<byte> buffer = stackalloc byte[512];
        while (Poll.WaitReadable(terminal, LaunchFixture.Deadline))
        {
            var count = Files.TryRead(terminal, buffer, out var errno);
            if (count < 0)
            {
                Assert.Equal(Errno.EIO, errno);
                return text;
            }

            text += Encoding.UTF8.GetString(buffer[..count]);
        }

        throw new TimeoutException(text);
    }

    private Crisp.Sandbox.Launch.PodNamespaces Pod(bool user) => _fixture.Pod(user ? Specs.UserPod : Specs.Pod);

    private Running Start(bool user)
    {
        var container = _fixture.Start(Specs.Container("echo started; sleep 1000"), Pod(user));
        Assert.Equal("started", container.ReadLine());
        return container;
    }
}
