using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Google.Protobuf;

namespace Crisp.Sandbox.Streams;

/// <summary>Stream connections that wait for the Exec that names their token.</summary>
internal sealed class StreamStore
{
    internal const int MaxWaiting = 256;
    private static readonly TimeSpan _lifetime = TimeSpan.FromSeconds(30);
    private readonly Dictionary<(Guid Token, ConnectionKind Kind), WaitingStream> _waiting = [];

    /// <returns>False when there is one already, or too many wait.</returns>
    public bool Add(Connection connection, Guid token, ConnectionKind kind)
    {
        var key = (token, kind);
        if (token == Guid.Empty || _waiting.Count >= MaxWaiting || _waiting.ContainsKey(key))
        {
            return false;
        }

        _waiting.Add(key, new WaitingStream(connection, _lifetime, () => _waiting.Remove(key)));
        return true;
    }

    /// <returns>The connection, whose watch is the caller's from now on; null when there is none (any more).</returns>
    public Connection? Take(Guid token, ConnectionKind kind)
        => _waiting.Remove((token, kind), out var stream) ? stream.Claim() : null;

    /// <summary>All that a call names.</summary>
    /// <exception cref="SandboxException">One of them is missing; the others are closed.</exception>
    public ClientStreams Take(ByteString token, bool stdin, bool stdout, bool stderr)
    {
        var name = token.Length == Preface.TokenSize ? new Guid(token.Span) : Guid.Empty;
        var streams = new ClientStreams(
            stdin ? Take(name, ConnectionKind.Stdin) : null,
            stdout ? Take(name, ConnectionKind.Stdout) : null,
            stderr ? Take(name, ConnectionKind.Stderr) : null);
        if ((stdin && streams.Stdin is null) || (stdout && streams.Stdout is null) || (stderr && streams.Stderr is null))
        {
            streams.Close();
            throw new SandboxException(
                RpcCode.FailedPrecondition, "A stream connection is missing under the token: it was never made, has closed, or waited for more than 30 s.");
        }

        return streams;
    }

    private sealed class WaitingStream : IEventHandler
    {
        private readonly Connection _connection;
        private readonly Action _gone;
        private readonly LoopTimer _expiry;

        internal WaitingStream(Connection connection, TimeSpan lifetime, Action gone)
        {
            _connection = connection;
            _gone = gone;
            _expiry = connection.Loop.After(lifetime, Drop);
            connection.Watch.Handler = this;

            // Stdin may be written before the process runs; only the client's leaving matters here.
            connection.Watch.Change(EpollEvents.EdgeTriggered);
        }

        public void OnReady(EpollEvents events)
        {
            if ((events & (EpollEvents.HangUp | EpollEvents.Error)) != 0)
            {
                Drop();
            }
        }

        internal Connection Claim()
        {
            _expiry.Cancel();

            // A client that has sent its last and left is seen by whoever reads it.
            _connection.Watch.Change(EpollEvents.None);
            return _connection;
        }

        private void Drop()
        {
            _gone();
            _expiry.Cancel();
            _connection.Close();
        }
    }
}
