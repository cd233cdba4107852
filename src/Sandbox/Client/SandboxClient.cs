using System.Security.Cryptography;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Client;

/// <summary>
/// The daemon's hold on one pod's process. Every call has a deadline and fails with <see cref="SandboxException"/>: with
/// UNAVAILABLE when the process or the connection is gone, with DEADLINE_EXCEEDED when it does not answer, otherwise with
/// the process's own code. For any number of threads.
/// </summary>
public sealed partial class SandboxClient : IAsyncDisposable
{
    private readonly string _path;
    private readonly SandboxClientOptions _options;
    private readonly RpcConnection _connection;

    private SandboxClient(string path, SandboxClientOptions options, RpcConnection connection, PeerCredentials peer)
    {
        _path = path;
        _options = options;
        _connection = connection;
        Peer = peer;
        Server = new HelloResponse();
    }

    /// <summary>Who listens, as the kernel tells it.</summary>
    public PeerCredentials Peer { get; }

    /// <summary>What the pod's process says of itself: version, features, pid, start time, boot id.</summary>
    public HelloResponse Server { get; private set; }

    /// <summary>Cancelled when the connection is gone, because the process has ended or the client was disposed.</summary>
    public CancellationToken Closed => _connection.Closed;

    /// <summary>Connects and agrees on a version.</summary>
    /// <param name="socketPath">sandbox.sock, at most 107 bytes (unix(7)).</param>
    public static async Task<SandboxClient> ConnectAsync(
        string socketPath, SandboxClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SandboxClientOptions();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(options.CallTimeout);
        try
        {
            var socket = await SandboxConnector.ConnectAsync(
                socketPath, ConnectionKind.Control, default, options.ExpectedPid, deadline.Token).ConfigureAwait(false);
            using var descriptor = new FileDescriptor((int)socket.Handle, ownsHandle: false);
            var peer = Linux.Sockets.GetPeerCredentials(descriptor);
            var client = new SandboxClient(socketPath, options, new RpcConnection(socket), peer);
            try
            {
                await client.HelloAsync(deadline.Token).ConfigureAwait(false);
                return client;
            }
            catch
            {
                await client.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SandboxException(
                RpcCode.DeadlineExceeded,
                $"The pod's process at {socketPath} did not answer within {options.CallTimeout.TotalSeconds:0.#} s.");
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <exception cref="SandboxException">FAILED_PRECONDITION: the pod's process does not know the feature.</exception>
    private void Require(string feature, string deed)
    {
        if (!Server.Features.Contains(feature))
        {
            throw new SandboxException(
                RpcCode.FailedPrecondition, $"The pod was started by a version of crisp that could not {deed}. Make the pod anew.");
        }
    }

    private static byte[] NewToken() => RandomNumberGenerator.GetBytes(Preface.TokenSize);

    private async Task HelloAsync(CancellationToken cancellationToken)
    {
        var request = new HelloRequest { Version = ProtocolVersion.Current };
        request.Features.AddRange(ProtocolVersion.Features);
        Server = await _connection.CallAsync(
            "Hello", request, HelloResponse.Parser, _options.CallTimeout, cancellationToken).ConfigureAwait(false);
        if (Server.Version is < ProtocolVersion.Oldest or > ProtocolVersion.Current)
        {
            throw new SandboxException(
                RpcCode.FailedPrecondition,
                $"The versions do not meet: the pod's process wants version {Server.Version}, this program speaks {ProtocolVersion.Current}.");
        }
    }
}
