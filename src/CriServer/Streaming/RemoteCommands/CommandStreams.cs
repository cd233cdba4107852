using Crisp.Sandbox.Client;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>Ties a client's channels to the streams of a process, until its output ends.</summary>
internal sealed class CommandStreams
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(100);
    private readonly RemoteChannels _channels;
    private readonly ProcessStreams _process;
    private readonly SessionOwner _owner;
    private readonly List<StreamCopy> _outputs = [];
    private readonly List<Task> _copies = [];

    private CommandStreams(RemoteChannels channels, ProcessStreams process, SessionOwner owner)
    {
        _channels = channels;
        _process = process;
        _owner = owner;
    }

    /// <summary>Completes at the end of the client's input; null without input.</summary>
    public Task? Input { get; private set; }

    /// <summary>Completes when all output has ended and reached the client.</summary>
    public Task Output => Task.WhenAll(_copies);

    /// <param name="resize">Sets the size of the process's terminal.</param>
    public static CommandStreams Begin(
        RemoteChannels channels, ProcessStreams process, SessionOwner owner, Func<ushort, ushort, CancellationToken, Task> resize)
    {
        var streams = new CommandStreams(channels, process, owner);
        streams.Begin(process.Stdout, channels.Stdout);
        streams.Begin(process.Stderr, channels.Stderr);
        if (process.Stdin is { } stdin && channels.Stdin is { } input)
        {
            streams.Input = streams.CopyInputAsync(input, stdin);
        }

        if (channels.Resize is { } sizes)
        {
            _ = ResizeAsync(sizes, resize, owner.Token);
        }

        return streams;
    }

    /// <summary>
    /// The process has ended: waits for the rest of its output. A daemon that it left behind may hold its pipes for ever; that
    /// is waited for only as long as it writes.
    /// </summary>
    public async Task DrainAsync(TimeSpan silence)
    {
        var output = Output;
        while (!output.IsCompleted && !_outputs.TrueForAll(o => o.IsSilentFor(silence)))
        {
            await Task.WhenAny(output, Task.Delay(_lookAgain, _owner.Token));
            _owner.Token.ThrowIfCancellationRequested();
        }

        if (output.IsCompleted)
        {
            await output;
        }
    }

    private void Begin(Stream? source, ChannelStream? sink)
    {
        if (source is not null && sink is not null)
        {
            var copy = new StreamCopy(source, sink, _owner.Touch);
            _outputs.Add(copy);
            _copies.Add(CopyOutputAsync(copy, sink));
        }
    }

    private async Task CopyOutputAsync(StreamCopy copy, ChannelStream sink)
    {
        await copy.RunAsync(_owner.Token);
        await sink.CompleteAsync(_owner.Token);
    }

    private async Task CopyInputAsync(ChannelStream source, Stream sink)
    {
        try
        {
            await new StreamCopy(source, sink, _owner.Touch).RunAsync(_owner.Token);
        }
        catch (IOException)
        {
            // The process has closed its input. What still comes is thrown away, so that resizes and pings get through.
        }

        source.IgnoreInput();
        await sink.DisposeAsync();
    }

    private static async Task ResizeAsync(ChannelStream sizes, Func<ushort, ushort, CancellationToken, Task> resize, CancellationToken cancellation)
    {
        try
        {
            await foreach (var (width, height) in TerminalSizes.ReadAsync(sizes, cancellation))
            {
                await resize(width, height, cancellation);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or OperationCanceledException or Sandbox.Protocol.SandboxException)
        {
            // A terminal of another size, or none any more, is no reason to end the session.
        }

        sizes.IgnoreInput();
    }
}
