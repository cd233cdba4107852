using System.Net.Sockets;
using System.Text.Json;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Network;

namespace Crisp.CriServer.Networking;

/// <summary>The network of pods that have a network namespace of their own: the node's first CNI configuration.</summary>
/// <remarks>
/// What survives a death of the daemon, in this order: the pod's record (Creating); the CNI cache with a beginning ADD; what
/// plugins have done; the CNI cache with the result; the pod's record with its addresses (Ready). Down again: the pod's record
/// (NotReady); what plugins undo; the CNI cache without the pod. A pod whose cache entry exists is not stopped yet.
/// </remarks>
public sealed partial class PodNetwork : IDisposable
{
    private readonly CniDirectory _directory;
    private readonly CniNetwork _cni;
    private readonly ILogger _logger;
    private readonly NetworkCondition _condition;
    private CniDirectoryState? _reported;

    public PodNetwork(CrispConfig config, TimeProvider time, ILogger logger)
    {
        _directory = new CniDirectory(config.CniConfDirectory);
        _cni = new CniNetwork(new CniOptions
        {
            ConfDirectory = config.CniConfDirectory,
            BinDirectories = config.CniBinDirectories,
            CacheDirectory = config.CniCacheDirectoryPath,
            PluginTimeout = config.CniPluginTimeout,
            Reached = Reached,
        });
        _cni.RemoveTemporaries();
        _logger = logger;
        _condition = new NetworkCondition(_cni, time);
    }

    /// <summary>The pods that have joined a network, or begun to, and have not left it.</summary>
    public IEnumerable<string> AttachedPods => _cni.Attachments().Select(a => a.ContainerId).Distinct();

    /// <summary>Whether pods can have a network now, and what is wrong.</summary>
    public async Task<(bool Ready, string Message)> StatusAsync() => await _condition.GetAsync(Look());

    /// <summary>The node's network.</summary>
    /// <exception cref="CriException">FAILED_PRECONDITION with what is wrong: there is none.</exception>
    public NetworkConfigList Configured()
    {
        var state = Look();
        return state.Network ?? throw CriException.Precondition(
            $"The pod asks for a network of its own, and this node has none. {state.Problem} Pods with the node's network (hostNetwork: true) run.");
    }

    /// <summary>Lets the pod join.</summary>
    /// <param name="netns">A path to the namespace that is good for the pod's whole life.</param>
    /// <returns>Its addresses, the primary first.</returns>
    /// <exception cref="CniException">A plugin failed; what had been done was undone, or is undone by the next <see cref="DeleteAsync"/>.</exception>
    public async Task<IReadOnlyList<string>> AddAsync(SandboxRecord record, CapabilityArguments capabilities, string netns)
    {
        var network = Configured();
        var name = record.Metadata;
        var result = await _cni.AddAsync(network, new CniAttachment
        {
            ContainerId = record.Id,
            Netns = netns,
            Arguments = CniAttachment.KubernetesArguments(name.Namespace, name.Name, name.Uid, record.Id),
            Capabilities = capabilities,
        });

        // IPv4 first, as other runtimes have it: the first one is what programs without dual stack see.
        var addresses = result.AddressesOf(CniAttachment.DefaultInterface).OrderBy(a => a.AddressFamily != AddressFamily.InterNetwork);
        return addresses.Select(a => a.ToString()).ToList() is { Count: > 0 } list
            ? list
            : throw new CniException($"The network {network.Name} of {network.Source} gave the pod no address: has its first plugin an \"ipam\" section?");
    }

    /// <summary>Lets the pod leave. Idempotent.</summary>
    /// <param name="netns">A path to the namespace, or empty when it is gone.</param>
    /// <param name="lost">The pod may have joined, and a power failure may have taken what was known of it.</param>
    /// <exception cref="CniException">A plugin failed; to be tried again.</exception>
    public async Task DeleteAsync(string sandboxId, string netns, bool lost = false)
    {
        try
        {
            await _cni.DeleteAsync(sandboxId, CniAttachment.DefaultInterface, netns, Look().Network, lost);
        }
        finally
        {
            foreach (var problem in _cni.TakeProblems())
            {
                Log.Problem(_logger, problem);
            }
        }
    }

    /// <summary>Whether the pod has joined, or begun to, and has not left.</summary>
    public bool IsAttached(string sandboxId) => _cni.IsAttached(sandboxId);

    /// <summary>What ADD gave, as the plugins printed it; null for a pod that is in no network.</summary>
    public JsonElement? ResultOf(string sandboxId)
    {
        try
        {
            return _cni.ResultOf(sandboxId)?.Json;
        }
        catch (CniException e)
        {
            Log.Problem(_logger, e.Message);
            return null;
        }
    }

    /// <summary>Lets plugins that know GC free what belongs to pods that are gone.</summary>
    public async Task CollectGarbageAsync()
    {
        if (Look().Network is not { } network)
        {
            return;
        }

        try
        {
            foreach (var failure in await _cni.CollectGarbageAsync(network))
            {
                Log.Problem(_logger, failure);
            }
        }
        catch (CniException e)
        {
            Log.Problem(_logger, e.Message);
        }
    }

    public void Dispose()
    {
        _condition.Dispose();
        _cni.Dispose();
    }

    private CniDirectoryState Look()
    {
        var state = _directory.Current;
        var before = Interlocked.Exchange(ref _reported, state);
        if (!ReferenceEquals(before, state) && state.Network is { } network && Describe(network) is var words
            && (before?.Network is null || Describe(before.Network) != words))
        {
            Log.Found(_logger, words);
        }

        if (state.Problem.Length > 0 && state.Problem != before?.Problem)
        {
            Log.Problem(_logger, state.Problem);
        }

        return state;
    }

    private static string Describe(NetworkConfigList network)
        => $"{network.Name} of {network.Source}: {string.Join(", ", network.Plugins.Select(p => p.Type))}";

    private static void Reached(CniStep step) => Failpoint.Hit(step switch
    {
        CniStep.AddRecorded => FailpointName.NetworkAddRecorded,
        CniStep.PluginAdded => FailpointName.NetworkPluginAdded,
        CniStep.ResultRecorded => FailpointName.NetworkResultRecorded,
        CniStep.PluginDeleted => FailpointName.NetworkPluginDeleted,
        _ => FailpointName.NetworkForgotten,
    });

    private static partial class Log
    {
        [LoggerMessage(30, LogLevel.Information, "The pods' network is {Network}", EventName = "NetworkFound")]
        public static partial void Found(ILogger logger, string network);

        [LoggerMessage(31, LogLevel.Warning, "{Problem}", EventName = "NetworkProblem")]
        public static partial void Problem(ILogger logger, string problem);
    }
}
