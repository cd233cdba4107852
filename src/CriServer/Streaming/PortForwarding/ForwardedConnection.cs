using System.Net.Sockets;
using System.Text;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.Linux;

namespace Crisp.CriServer.Streaming.PortForwarding;

/// <summary>One connection to a port of a pod, for one pair of a client's streams.</summary>
/// <param name="data">Both ways.</param>
/// <param name="error">A text, when it fails.</param>
internal sealed class ForwardedConnection(ChannelStream data, ChannelStream error, Action moved)
{
    // A client whose pod has sent its last may still be about to read it, and to say so.
    private static readonly TimeSpan _halfOpenPatience = TimeSpan.FromSeconds(10);

    /// <summary>Until the pod has closed its side and the client too, or either is gone.</summary>
    /// <exception cref="OperationCanceledException">The client is gone.</exception>
    /// <exception cref="IOException">As above, or the pod has broken the connection.</exception>
    public async Task RunAsync(Node node, string sandboxId, int port, CancellationToken cancellation)
    {
        error.IgnoreInput();
        PodConnection connection;
        try
        {
            connection = await PodDialer.ConnectAsync(node, sandboxId, port, cancellation);
        }
        catch (Exception e) when (e is IOException or CriException or LinuxException)
        {
            data.IgnoreInput();
            await error.WriteAsync(Encoding.UTF8.GetBytes(e.Message), cancellation);
            await CompleteAsync(cancellation);
            return;
        }

        await using var pod = connection;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var upload = UploadAsync(pod, ended.Token);
        try
        {
            await new StreamCopy(pod.Output, data, moved).RunAsync(ended.Token);
            await CompleteAsync(ended.Token);
            ended.CancelAfter(_halfOpenPatience);
            await upload;
        }
        finally
        {
            await ended.CancelAsync();
        }
    }

    private async Task UploadAsync(PodConnection pod, CancellationToken cancellation)
    {
        try
        {
            await new StreamCopy(data, pod.Input, moved).RunAsync(cancellation);
            pod.EndInput();
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // The pod reads no more, or the client has gone: the other direction tells.
            data.IgnoreInput();
        }
    }

    private async Task CompleteAsync(CancellationToken cancellation)
    {
        await data.CompleteAsync(cancellation);
        await error.CompleteAsync(cancellation);
    }
}
