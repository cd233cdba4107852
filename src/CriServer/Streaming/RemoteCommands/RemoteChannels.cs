using System.Text;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>A client's streams of one exec or attach, whichever protocol carries them. Null are those that were not asked for.</summary>
internal sealed record RemoteChannels
{
    public ChannelStream? Stdin { get; init; }

    public ChannelStream? Stdout { get; init; }

    public ChannelStream? Stderr { get; init; }

    /// <summary>JSON objects with Width and Height, one after the other.</summary>
    public ChannelStream? Resize { get; init; }

    public required ChannelStream Error { get; init; }

    /// <summary>Protocols before v4.channel.k8s.io know only a text, and only of failures.</summary>
    public required bool StatusIsJson { get; init; }

    /// <summary>Tells how it ended, and that nothing more comes on any stream.</summary>
    /// <exception cref="IOException">The client is gone.</exception>
    public async Task EndAsync(CommandStatus status, CancellationToken cancellation)
    {
        // A command that was never begun has not ended them.
        foreach (var output in (ChannelStream?[])[Stdout, Stderr])
        {
            await (output?.CompleteAsync(cancellation) ?? Task.CompletedTask);
        }

        if (StatusIsJson)
        {
            await Error.WriteAsync(status.ToJson(), cancellation);
        }
        else if (status.ExitCode != 0)
        {
            await Error.WriteAsync(Encoding.UTF8.GetBytes(status.Message), cancellation);
        }

        await Error.CompleteAsync(cancellation);
        foreach (var input in (ChannelStream?[])[Stdin, Resize])
        {
            await (input?.CompleteAsync(cancellation) ?? Task.CompletedTask);
        }
    }
}
