using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.State;
using Crisp.CriServer.Stats;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;
using Grpc.Core;

namespace Crisp.CriServer.Sandboxes;

/// <summary>The daemon's hold on one pod's process: its pidfd and a connection, which is made anew when it breaks.</summary>
public sealed class SandboxLink : IAsyncDisposable
{
    private readonly string _socketPath;
    private readonly SandboxProcess _process;
    private readonly Lock _statsGate = new();
    private volatile SandboxClient? _client;
    private IPodStats? _stats;
    private bool _disposed;

    private SandboxLink(string socketPath, SandboxProcess process, SandboxClient? client)
    {
        _socketPath = socketPath;
        _process = process;
        _client = client;
    }

    public ProcessIdentity Identity => _process.Identity;

    public FileDescriptor Pidfd => _process.Pidfd;

    public bool HasEnded => _process.HasEnded;

    /// <exception cref="SandboxException">UNAVAILABLE: the process lives, but there is no connection now.</exception>
    public SandboxClient Client => _client
        ?? throw new SandboxException(RpcCode.Unavailable, $"The pod's process {Identity.Pid} does not answer.");

    public bool IsConnected => _client is { Closed.IsCancellationRequested: false };

    /// <summary>The pod's own namespaces by kind; those that are missing are the node's.</summary>
    public IReadOnlyDictionary<string, string> Namespaces { get; private set; } = new Dictionary<string, string>();

    /// <summary>Starts the process of a new pod.</summary>
    public static async Task<SandboxLink> LaunchAsync(Node node, SandboxRecord sandbox)
    {
        var directory = node.SandboxRunDirectory(sandbox.Id);
        var launch = new SandboxLaunch(sandbox.Id, directory, pid => SandboxCgroups.PlaceProcess(node, sandbox, pid))
        {
            IsMonitor = sandbox.Spec.Vm is not null,
        };
        try
        {
            var (process, client) = await node.Launcher.LaunchAsync(launch);
            return new SandboxLink(launch.SocketPath, process, client);
        }
        catch (LinuxException e)
        {
            throw new CriException(
                StatusCode.FailedPrecondition, $"The pod's process, {node.Config.SandboxBinaryPath}, cannot be started: {e.Message}.", e);
        }
    }

    /// <summary>Finds the process of a pod of an earlier daemon.</summary>
    /// <param name="identity">From the record; null when the record does not know it yet.</param>
    /// <returns>Null when it has ended. It may live and not answer: then the link is not connected.</returns>
    public static async Task<SandboxLink?> FindAsync(Node node, string id, ProcessIdentity? identity)
    {
        var socketPath = new SandboxLaunch(id, node.SandboxRunDirectory(id)).SocketPath;
        if (identity is null)
        {
            return await FindByNameAsync(socketPath);
        }

        if (SandboxProcess.Find(identity) is not { } process)
        {
            return null;
        }

        // A number is held by the dead until their new parent has waited for them.
        if (process.HasEnded)
        {
            process.Dispose();
            return null;
        }

        var link = new SandboxLink(socketPath, process, client: null);
        await link.TryConnectAsync();
        return link;
    }

    /// <summary>Connects when there is no connection, or a broken one.</summary>
    /// <returns>False when the process does not answer.</returns>
    public async Task<bool> TryConnectAsync()
    {
        if (IsConnected)
        {
            return true;
        }

        try
        {
            var broken = _client;
            _client = await SandboxClient.ConnectAsync(_socketPath, new SandboxClientOptions { ExpectedPid = Identity.Pid });
            await (broken?.DisposeAsync() ?? ValueTask.CompletedTask);
            return true;
        }
        catch (SandboxException)
        {
            // The caller asks again, as long as the process lives.
            return false;
        }
    }

    /// <summary>
    /// Asks what is one of many answers: a pod that has just ended, that does not answer in time, or that is older than the question, must
    /// not fail a list of all.
    /// </summary>
    /// <returns>Null: there is no answer.</returns>
    /// <exception cref="OperationCanceledException">The caller's token, not the patience, ended it.</exception>
    public async Task<T?> TryAskAsync<T>(Func<SandboxClient, CancellationToken, Task<T?>> ask, TimeSpan patience, CancellationToken cancellation)
        where T : class
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(patience);
        try
        {
            return await ask(Client, deadline.Token);
        }
        catch (SandboxException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>Remembers what Start or State told.</summary>
    public void Learn(NamespaceInfo? info)
    {
        var known = new (string Kind, string Path)[]
        {
            ("user", info?.User ?? ""), ("net", info?.Network ?? ""), ("ipc", info?.Ipc ?? ""), ("uts", info?.Uts ?? ""), ("pid", info?.Pid ?? ""),
        };
        Namespaces = known.Where(n => n.Path.Length > 0).ToDictionary(n => n.Kind, n => n.Path);
    }

    /// <summary>The pod's user namespace, whose maps id-map its mounts.</summary>
    public FileDescriptor OpenUserNamespace() => Files.Open(Namespaces["user"], OpenFlags.ReadOnly);

    /// <summary>The pod's own network namespace; null on the node's network.</summary>
    public FileDescriptor? OpenNetworkNamespace()
        => Namespaces.TryGetValue("net", out var path) ? Files.Open(path, OpenFlags.ReadOnly) : null;

    /// <summary>SIGKILL for the pod's process alone.</summary>
    public void Kill() => _process.Kill();

    public bool WaitForEnd(TimeSpan timeout) => _process.WaitForEnd(timeout);

    /// <summary>What reads the pod's usage: made by the first who asks, closed with the link.</summary>
    /// <returns>Null when the link is closed.</returns>
    public IPodStats? StatsFrom(Func<SandboxLink, IPodStats> make)
    {
        lock (_statsGate)
        {
            return _disposed ? null : _stats ??= make(this);
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_statsGate)
        {
            _disposed = true;
            _stats?.Dispose();
        }

        await (_client?.DisposeAsync() ?? ValueTask.CompletedTask);
        _process.Dispose();
    }

    // A daemon that died between the launch and the record: whoever listens on the socket in the pod's own directory,
    // which only root may enter, is the process.
    private static async Task<SandboxLink?> FindByNameAsync(string socketPath)
    {
        SandboxClient client;
        try
        {
            client = await SandboxClient.ConnectAsync(socketPath);
        }
        catch (SandboxException e) when (e.Code == RpcCode.Unavailable)
        {
            // Nobody listens: it never ran, or has ended.
            return null;
        }

        var process = SandboxProcess.Find(new ProcessIdentity(client.Server.Pid, client.Server.StartTime, client.Server.BootId));
        if (process is null)
        {
            await client.DisposeAsync();
            return null;
        }

        return new SandboxLink(socketPath, process, client);
    }
}
