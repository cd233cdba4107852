using System.Text;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>Processes beside a container's main one, and their streams.</summary>
public sealed class ExecTests
{
    private static readonly ExecStreams _output = new(Stdin: false, Stdout: true, Stderr: true);

    [Fact]
    public async Task Exec_HasItsStreamsCodeAndEvent()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        Assert.Equal((5, "out\n", "err\n"), await pod.ExecAsync(id, "sh", "-c", "echo out; echo err >&2; exit 5"));
        Assert.Equal((137, "", ""), await pod.ExecAsync(id, "sh", "-c", "kill -9 $$"));
        var events = await pod.Client.EventsAsync(0);
        Assert.Equal([5, 137], events.Select(e => e.ContainerExited.Exit.ExitCode));
        Assert.All(events, e => Assert.NotEmpty(e.ContainerExited.ExecId));
    }

    [Fact]
    public async Task Exec_OfWhatIsNotThereIsRefused()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        var error = await Assert.ThrowsAsync<SandboxException>(() => pod.ExecAsync(id, "/no/such/program"));
        Assert.Contains("/no/such/program", error.Message, StringComparison.Ordinal);
        Assert.Equal(RpcCode.NotFound, await ContainerTests.CodeAsync(() => pod.ExecAsync("nothing", "true")));
        Assert.Equal(RpcCode.NotFound, await ContainerTests.CodeAsync(() => pod.Client.WaitAsync(id, "nothing")));
        var created = await pod.CreateAsync(pod.Container("true"));
        Assert.Equal(RpcCode.FailedPrecondition, await ContainerTests.CodeAsync(() => pod.ExecAsync(created.Id, "true")));
        Assert.Equal(RpcCode.InvalidArgument, await ContainerTests.CodeAsync(
            () => pod.Client.ExecAsync(id, "../x", PodProcess.Command("true"), _output)));
        using var first = await pod.Client.ExecAsync(id, "same", PodProcess.Command("true"), _output);
        Assert.Equal(RpcCode.AlreadyExists, await ContainerTests.CodeAsync(
            () => pod.Client.ExecAsync(id, "same", PodProcess.Command("true"), _output)));
        Assert.Equal(0, (await first.WaitAsync()).ExitCode);
        Assert.Equal(0, (await first.WaitAsync()).ExitCode);
    }

    [Fact]
    public async Task Stdin_GoesToTheProcessAndItsEndToo()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        using var session = await pod.Client.ExecAsync(id, "cat", PodProcess.Command("cat"), new ExecStreams(true, true, false));
        var bytes = new byte[3 << 20];
        Random.Shared.NextBytes(bytes);
        var copy = new MemoryStream();
        var reading = session.Stdout!.CopyToAsync(copy);
        await session.Stdin!.WriteAsync(bytes);
        session.Stdin.Dispose();
        await reading.WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(0, (await session.WaitAsync()).ExitCode);
        Assert.Equal(bytes, copy.ToArray());
    }

    [Fact]
    public async Task ProcessThatClosesStdin_ClosesTheClients()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        using var session = await pod.Client.ExecAsync(
            id, "deaf", PodProcess.Command("sh", "-c", "exec 0<&-; echo closed; sleep 1000"), new ExecStreams(true, true, false));
        Assert.Equal((byte)'c', (byte)session.Stdout!.ReadByte());
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            for (var i = 0; i < 1000; i++)
            {
                await session.Stdin!.WriteAsync(new byte[64 << 10]);
            }
        });
        await session.SignalAsync(9);
        Assert.Equal(9, (await session.WaitAsync()).Signal);
    }

    [Fact]
    public async Task SixteenMebibytes_ArriveWhole()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        var outputs = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => pod.ExecAsync(id, "sh", "-c", "yes 0123456 | head -c 16777216; echo done >&2")));
        Assert.All(outputs, o => Assert.Equal((0, 16 << 20, "done\n"), (o.Code, o.Stdout.Length, o.Stderr)));
        Assert.All(outputs, o => Assert.Equal("01234", o.Stdout[^5..].Insert(0, "01234")[..5]));
    }

    [Fact]
    public async Task StalledStream_StopsNobodyElse()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        using var stalled = await pod.Client.ExecAsync(id, "stalled", PodProcess.Command("sh", "-c", "echo err >&2; yes"), _output);

        // Its own other stream goes on as well.
        Assert.Equal("err", (await ReadLineAsync(stalled.Stderr!)));
        await Task.Delay(100);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal((0, "hi\n", ""), await pod.ExecAsync(id, "echo", "hi"));
        }

        Assert.Equal(["stdout F alive"], (await pod.RunAsync("echo", "alive")).Lines);
        await stalled.SignalAsync(9);
        Assert.Equal(137, (await stalled.WaitAsync()).ExitCode);
    }

    [Fact]
    public async Task ClientThatLeaves_BreaksThePipe()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        var session = await pod.Client.ExecAsync(id, "yes", PodProcess.Command("yes"), _output);
        session.Stdout!.ReadByte();
        session.Dispose();
        Assert.Equal(13, (await session.WaitAsync().WaitAsync(TimeSpan.FromSeconds(30))).Signal);
    }

    [Fact]
    public async Task ProcessLeftBehind_KeepsTheStreamAndNotTheExit()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        using var session = await pod.Client.ExecAsync(id, "parent", PodProcess.Command("sh", "-c", "sleep 1000 & echo parent"), _output);
        Assert.Equal(0, (await session.WaitAsync().WaitAsync(TimeSpan.FromSeconds(30))).ExitCode);
        Assert.Equal("parent", await ReadLineAsync(session.Stdout!));
        var next = session.Stdout!.ReadAsync(new byte[1]).AsTask();
        Assert.NotSame(next, await Task.WhenAny(next, Task.Delay(200)));
    }

    [Fact]
    public async Task Terminal_CarriesBothWaysAndHangsUpWhenItsClientLeaves()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(PodProcess.WithDevpts(pod.Container("sleep", "1000")));
        var command = PodProcess.Command("sh", "-c", "tty; read line; echo got $line; stty size; sleep 1000") with { Terminal = true };
        using var session = await pod.Client.ExecAsync(id, "tty", command, new ExecStreams(true, true, false));
        Assert.Equal("/dev/pts/0\r", await ReadLineAsync(session.Stdout!));
        await session.ResizeAsync(80, 24);
        await session.Stdin!.WriteAsync(Encoding.ASCII.GetBytes("hello\n"));
        Assert.Equal("hello\r", await ReadLineAsync(session.Stdout!));
        Assert.Equal("got hello\r", await ReadLineAsync(session.Stdout!));
        Assert.Equal("24 80\r", await ReadLineAsync(session.Stdout!));

        // The end of input leaves the terminal alone, for the output may go on.
        session.Stdin!.Dispose();
        await Task.Delay(100);
        Assert.Equal(ProcessStatus.Running, (await ContainerTests.StateAsync(pod, id)).Status);
        var wait = session.WaitAsync();
        Assert.False(wait.IsCompleted);
        session.Stdout!.Dispose();
        Assert.Equal(1, (await wait.WaitAsync(TimeSpan.FromSeconds(30))).Signal);
    }

    [Fact]
    public async Task HundredExecs_LeaveNoDescriptorAndNoZombie()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        await pod.ExecAsync(id, "true");
        await PodProcess.UntilAsync(() => Children(pod).Length == 1, "The end of the first exec");
        var before = pod.CountDescriptors();
        for (var i = 0; i < 5; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(n => n % 4 == 0
                ? ContainerTests.CodeAsync(() => pod.ExecAsync(id, "/no/such/program"))
                : (Task)pod.ExecAsync(id, "echo", "x")));
        }

        await PodProcess.UntilAsync(() => pod.CountDescriptors() == before, "The closing of descriptors");
        Assert.Single(Children(pod));
    }

    internal static string[] Children(PodProcess pod)
        => [.. Directory.GetDirectories($"/proc/{pod.Process.Pid}/task")
            .SelectMany(t => File.ReadAllText(Path.Combine(t, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    private static async Task<string> ReadLineAsync(Stream stream)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (await stream.ReadAsync(one).AsTask().WaitAsync(TimeSpan.FromSeconds(30)) == 1 && one[0] != (byte)'\n')
        {
            line.Add(one[0]);
        }

        return Encoding.UTF8.GetString([.. line]);
    }
}
