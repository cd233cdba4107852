using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;

namespace Crisp.NodeAgent.Kubernetes;

/// <summary>
/// Events on the agent's node, as <c>kubectl describe node</c> shows them. The same thing again is counted on the same event, also
/// by another process of the agent: its name is made of what it says. What goes on and on is told every five minutes, not at each look.
/// </summary>
internal sealed partial class NodeEvents(Cluster cluster, string node, TimeProvider time, ILogger<NodeEvents> logger)
{
    // Where events of objects without a namespace are kept.
    private const string Space = "default";
    private const string Component = "crisp-node-agent";
    private const int MostMessage = 1024;

    // client-go's recorder lets the same object's events through no more often, in the long run (its spam filter).
    private static readonly TimeSpan s_repeat = TimeSpan.FromMinutes(5);
    private (string What, long At)? _last;

    public Task NormalAsync(string reason, string message, CancellationToken cancellation) => TellAsync("Normal", reason, message, cancellation);

    public Task WarningAsync(string reason, string message, CancellationToken cancellation) => TellAsync("Warning", reason, message, cancellation);

    // What happened is in the log in any case; that the cluster could not be told is no reason to do nothing else.
    private async Task TellAsync(string type, string reason, string message, CancellationToken cancellation)
    {
        var what = $"{type}\n{reason}\n{message}";
        if (_last is { } last && last.What == what && time.GetElapsedTime(last.At) < s_repeat)
        {
            return;
        }

        Log.Happened(logger, type == "Warning" ? LogLevel.Warning : LogLevel.Information, reason, message);
        try
        {
            await WriteAsync(type, reason, message.Length <= MostMessage ? message : message[..(MostMessage - 1)] + "…", cancellation);
            _last = (what, time.GetTimestamp());
        }
        catch (ClusterException e)
        {
            Log.NotWritten(logger, reason, e.Message);
        }
    }

    private async Task WriteAsync(string type, string reason, string message, CancellationToken cancellation)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{type}\n{reason}\n{message}")))[..16];
        var name = $"{node}.{hash}";
        var happening = new Corev1Event
        {
            ApiVersion = "v1",
            Kind = "Event",
            Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = Space },
            // The kubelet's own events name the node so, and kubectl describe looks for that.
            InvolvedObject = new V1ObjectReference { ApiVersion = "v1", Kind = "Node", Name = node, Uid = node },
            Type = type,
            Reason = reason,
            Message = message,
            Source = new V1EventSource { Component = Component, Host = node },
            FirstTimestamp = now,
            LastTimestamp = now,
            Count = 1,
            ReportingComponent = Component,
            ReportingInstance = node,
        };
        if (await cluster.TryCreateEventAsync(happening, cancellation))
        {
            return;
        }

        var known = await cluster.GetEventAsync(Space, name, cancellation);
        var patch = new JsonObject
        {
            ["count"] = (known.Count ?? 1) + 1,
            ["lastTimestamp"] = now.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        };
        await cluster.PatchEventAsync(Space, name, patch, cancellation);
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, EventName = "NodeEvent", Message = "{Reason}: {What}")]
        public static partial void Happened(ILogger logger, LogLevel level, string reason, string what);

        [LoggerMessage(2, LogLevel.Warning, "The event {Reason} could not be written: {Error}", EventName = "EventNotWritten")]
        public static partial void NotWritten(ILogger logger, string reason, string error);
    }
}
