using System.Text.Json;
using Crisp.Cri.V1;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Streaming": exec and attach. Their other protocol, SPDY, is critest's and crictl's to speak.</summary>
public sealed class StreamingTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Exec_HasBothStreamsAndItsCode()
    {
        using var socket = await ExecAsync("echo out; echo err >&2; exit 5");
        await socket.ReadAsync();
        Assert.Equal(("out\n", "err\n"), (socket.Output, socket.Errors));
        var status = JsonDocument.Parse(socket.Status).RootElement;
        Assert.Equal("Failure", status.GetProperty("status").GetString());
        Assert.Equal("NonZeroExitCode", status.GetProperty("reason").GetString());
        Assert.Equal("5", status.GetProperty("details").GetProperty("causes")[0].GetProperty("message").GetString());
    }

    [Fact]
    public async Task ExecThatSucceeds_SaysSo()
    {
        using var socket = await ExecAsync("true");
        await socket.ReadAsync();
        Assert.Equal("Success", JsonDocument.Parse(socket.Status).RootElement.GetProperty("status").GetString());
    }

    [Fact]
    public async Task Exec_ReadsItsInputToTheEnd()
    {
        using var socket = await ExecAsync("cat; echo end", r => r.Stdin = true);
        await socket.WriteAsync("one\n");
        await socket.WriteAsync("two\n");
        await socket.CloseInputAsync();
        await socket.ReadAsync();
        Assert.Equal("one\ntwo\nend\n", socket.Output);
    }

    [Fact]
    public async Task ExecOnATerminal_HasOne()
    {
        using var socket = await ExecAsync("[ -t 1 ] && echo terminal || echo none", r => (r.Tty, r.Stdin, r.Stderr) = (true, true, false));
        await socket.ReadAsync();
        Assert.Equal("terminal\r\n", socket.Output);
    }

    [Fact]
    public async Task Attach_JoinsTheContainersStreams()
    {
        var container = await Cri.RunAsync(["sh", "-c", "while read line; do echo heard $line; done; sleep 1000"], c => c.Stdin = true);
        var request = new AttachRequest { ContainerId = container, Stdin = true, Stdout = true, Stderr = true };
        using var socket = await ChannelSocket.ConnectAsync((await Cri.Runtime.AttachAsync(request)).Url);
        await socket.WriteAsync("hello\n");
        await socket.ReadAsync(() => socket.Output.Contains('\n', StringComparison.Ordinal));
        Assert.Equal("heard hello\n", socket.Output);
    }

    private async Task<ChannelSocket> ExecAsync(string script, Action<ExecRequest>? change = null)
    {
        var request = new ExecRequest { ContainerId = await Cri.RunAsync(["sleep", "1000"]), Stdout = true, Stderr = true, Cmd = { "sh", "-c", script } };
        change?.Invoke(request);
        return await ChannelSocket.ConnectAsync((await Cri.Runtime.ExecAsync(request)).Url);
    }
}
