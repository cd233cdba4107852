using System.Net.Sockets;
using System.Text.Json;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Google.Protobuf;

namespace Crisp.Sandbox.Client;

public sealed partial class SandboxClient
{
    /// <summary>Starts a process in a running container, with its streams connected before it runs.</summary>
    /// <param name="execId">Unique within the container; 1 to 64 of a-z, A-Z, 0-9, '-', '_'.</param>
    public async Task<ExecSession> ExecAsync(
        string containerId, string execId, ProcessSpec process, ExecStreams streams, CancellationToken cancellationToken = default)
    {
        var token = NewToken();
        var opened = await OpenStreamsAsync("Exec", streams, token, cancellationToken).ConfigureAwait(false);
        try
        {
            var session = new ExecSession(this, containerId, execId, opened);
            session.Pid = await ExecAsync(session, process, streams, token, cancellationToken).ConfigureAwait(false);
            return session;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private async Task<int> ExecAsync(
        ExecSession session, ProcessSpec process, ExecStreams streams, byte[] token, CancellationToken cancellationToken)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(process, SpecJson.Default.ProcessSpec);
        var request = new ExecRequest
        {
            ContainerId = session.ContainerId,
            ExecId = session.ExecId,
            ProcessJson = ByteString.CopyFrom(json),
            StreamToken = ByteString.CopyFrom(token),
            Stdin = streams.Stdin,
            Stdout = streams.Stdout,
            Stderr = streams.Stderr,
        };
        var response = await _connection.CallAsync(
            "Exec", request, ExecResponse.Parser, _options.OperationTimeout, cancellationToken).ConfigureAwait(false);
        return response.Pid;
    }

    private async Task<ProcessStreams> OpenStreamsAsync(string call, ExecStreams wanted, byte[] token, CancellationToken cancellationToken)
    {
        var opened = new ProcessStreams();
        try
        {
            using var deadline = new Deadline(_options.CallTimeout, cancellationToken);
            await deadline.RunAsync(call, async limit =>
            {
                opened.Stdin = wanted.Stdin ? await OpenStreamAsync(ConnectionKind.Stdin, token, limit).ConfigureAwait(false) : null;
                opened.Stdout = wanted.Stdout ? await OpenStreamAsync(ConnectionKind.Stdout, token, limit).ConfigureAwait(false) : null;
                opened.Stderr = wanted.Stderr ? await OpenStreamAsync(ConnectionKind.Stderr, token, limit).ConfigureAwait(false) : null;
            }).ConfigureAwait(false);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private async Task<Stream> OpenStreamAsync(ConnectionKind kind, byte[] token, CancellationToken cancellationToken)
    {
        var socket = await SandboxConnector.ConnectAsync(_path, kind, token, Peer.Pid, cancellationToken).ConfigureAwait(false);
        return new NetworkStream(socket, ownsSocket: true);
    }
}
