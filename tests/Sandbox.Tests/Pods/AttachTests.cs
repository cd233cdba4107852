using System.Text;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>Clients at a container's main process.</summary>
public sealed class AttachTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private static readonly ExecStreams _all = new(Stdin: true, Stdout: true, Stderr: true);
    private static readonly ExecStreams _output = new(Stdin: false, Stdout: true, Stderr: false);

    [Fact]
    public async Task EveryClientSeesBothStreamsAndTheEnd()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(WithStdin(pod.Container("sh", "-c", "read line; echo out $line; echo err >&2"), once: false));
        using var writer = await pod.Client.AttachAsync(id, _all);
        using var other = await pod.Client.AttachAsync(id, _all with { Stdin = false });
        await writer.Stdin!.WriteAsync("hello\n"u8.ToArray());
        Assert.Equal(("out hello\n", "err\n"), await ReadAsync(writer));
        Assert.Equal(("out hello\n", "err\n"), await ReadAsync(other));
        Assert.Equal(0, (await pod.Client.WaitAsync(id)).ExitCode);
        Assert.Equal(["stderr F err", "stdout F out hello"], pod.Log(id).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ContainerWithoutALog_CanBeAttachedToo()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(WithStdin(pod.Container("cat"), once: true) with { Log = null });
        using var session = await pod.Client.AttachAsync(id, _all);
        await session.Stdin!.WriteAsync("hello\n"u8.ToArray());
        session.Stdin.Dispose();
        Assert.Equal(("hello\n", ""), await ReadAsync(session));
        Assert.Equal(0, (await pod.Client.WaitAsync(id)).ExitCode);
    }

    [Fact]
    public async Task StdinOnce_EndsWithTheFirstClientAndOthersDoNotHoldIt()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(WithStdin(pod.Container("cat"), once: true));
        using var holder = await pod.Client.AttachAsync(id, _all);
        using var first = await pod.Client.AttachAsync(id, _all);
        first.Stdin!.Dispose();
        Assert.Equal(0, (await pod.Client.WaitAsync(id).WaitAsync(_patience)).ExitCode);
        Assert.Equal(("", ""), await ReadAsync(holder));
    }

    [Fact]
    public async Task StdinThatIsNotOnce_OutlivesItsClients()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(WithStdin(pod.Container("sh", "-c", "while read line; do echo got $line; done"), once: false));
        for (var i = 0; i < 3; i++)
        {
            using var session = await pod.Client.AttachAsync(id, _all);
            await session.Stdin!.WriteAsync(Encoding.ASCII.GetBytes($"{i}\n"));
            Assert.Equal($"got {i}\n", await ReadLineAsync(session.Stdout!));
        }
    }

    [Fact]
    public async Task InputOfAContainerThatTakesNone_IsClosedAtOnce()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync("sleep", "1000");
        using var session = await pod.Client.AttachAsync(id, _all);
        Assert.Equal(0, await session.Stdin!.ReadAsync(new byte[1]).AsTask().WaitAsync(_patience));
    }

    [Fact]
    public async Task Terminal_EchoesAndHasOneOutput()
    {
        await using var pod = await PodProcess.StartAsync();
        var spec = PodProcess.WithDevpts(pod.Container("sh", "-c", "read line; stty size; echo end"));
        var id = await pod.LaunchAsync(spec with { Process = spec.Process with { Terminal = true, Stdin = true } });
        using var session = await pod.Client.AttachAsync(id, _all);
        await pod.Client.ResizeAsync(id, 123, 45);
        await session.Stdin!.WriteAsync("x\n"u8.ToArray());
        Assert.Equal(("x\r\n45 123\r\nend\r\n", ""), await ReadAsync(session));
    }

    [Fact]
    public async Task ClientThatDoesNotRead_IsClosedAndTheContainerGoesOn()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(WithStdin(pod.Container("sh", "-c", "read go; yes 0123456789 | head -n 1000000; echo end"), once: false));
        using var stalled = await pod.Client.AttachAsync(id, _output);
        using var writer = await pod.Client.AttachAsync(id, _all);
        await writer.Stdin!.WriteAsync("\n"u8.ToArray());
        var (output, _) = await ReadAsync(writer);
        Assert.Equal((11 * 1_000_000) + 4, output.Length);
        Assert.Equal(0, (await pod.Client.WaitAsync(id)).ExitCode);
        var rest = await ReadAsync(stalled);
        Assert.True(rest.Stdout.Length < output.Length, "the stalled client has everything");
    }

    [Fact]
    public async Task ContainerThatDoesNotRun_IsRefused()
    {
        await using var pod = await PodProcess.StartAsync();
        var created = await pod.CreateAsync(pod.Container("true"));
        Assert.Equal(RpcCode.FailedPrecondition, await ContainerTests.CodeAsync(() => pod.Client.AttachAsync(created.Id, _all)));
        Assert.Equal(RpcCode.NotFound, await ContainerTests.CodeAsync(() => pod.Client.AttachAsync("nothing", _all)));
        var ended = await pod.LaunchAsync("true");
        await pod.Client.WaitAsync(ended);
        Assert.Equal(RpcCode.FailedPrecondition, await ContainerTests.CodeAsync(() => pod.Client.AttachAsync(ended, _all)));
    }

    [Fact]
    public async Task AbortedClients_LeaveNoDescriptor()
    {
        await using var pod = await PodProcess.StartAsync();
        var id = await pod.LaunchAsync(WithStdin(pod.Container("sleep", "1000"), once: false));
        (await pod.Client.AttachAsync(id, _all)).Dispose();
        var before = await SettledAsync(pod);
        for (var i = 0; i < 300; i++)
        {
            (await pod.Client.AttachAsync(id, _all)).Dispose();
        }

        var after = await SettledAsync(pod);
        Assert.True(after <= before + 1, $"{before} descriptors became {after}. {pod.Words}");
    }

    private static ContainerSpec WithStdin(ContainerSpec spec, bool once)
        => spec with { Process = spec.Process with { Stdin = true, StdinOnce = once } };

    // The pod's process notices that a client has gone soon, and not at once.
    private static async Task<int> SettledAsync(PodProcess pod)
    {
        var count = int.MaxValue;
        for (var i = 0; i < 100; i++)
        {
            var now = Directory.GetFiles($"/proc/{pod.Process.Pid}/fd").Length;
            count = Math.Min(count, now);
            await Task.Delay(10);
        }

        return count;
    }

    private static async Task<(string Stdout, string Stderr)> ReadAsync(ProcessStreams session)
    {
        var stdout = ReadToEndAsync(session.Stdout);
        var stderr = ReadToEndAsync(session.Stderr);
        return (await stdout.WaitAsync(_patience), await stderr.WaitAsync(_patience));
    }

    private static async Task<string> ReadToEndAsync(Stream? stream)
    {
        var copy = new MemoryStream();
        await (stream?.CopyToAsync(copy) ?? Task.CompletedTask);
        return Encoding.UTF8.GetString(copy.ToArray());
    }

    private static async Task<string> ReadLineAsync(Stream stream)
    {
        var line = new List<byte>();
        var one = new byte[1];
        while (line.Count == 0 || line[^1] != '\n')
        {
            Assert.Equal(1, await stream.ReadAsync(one).AsTask().WaitAsync(_patience));
            line.Add(one[0]);
        }

        return Encoding.UTF8.GetString([.. line]);
    }
}
