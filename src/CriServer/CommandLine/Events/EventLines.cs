using System.Globalization;
using Crisp.Cri.V1;

namespace Crisp.CriServer.CommandLine.Events;

/// <summary>
/// Events as lines for people: <c>2026-01-02T03:04:05.678Z container stopped default/web/app 0123456789ab exit 137 OOMKilled</c>.
/// </summary>
internal sealed class EventLines
{
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    // A deleted container is not among its pod's any more; its name is that of an earlier event.
    private readonly Dictionary<string, string> _names = [];

    public string Of(ContainerEventResponse one)
    {
        var pod = one.PodSandboxStatus;
        var isPod = pod?.Id == one.ContainerId;
        var podName = pod is null ? "?" : $"{pod.Metadata.Namespace}/{pod.Metadata.Name}";
        var status = one.ContainersStatuses.FirstOrDefault(s => s.Id == one.ContainerId);
        if (status is not null)
        {
            _names[one.ContainerId] = status.Metadata.Name;
        }

        var name = isPod ? podName : $"{podName}/{_names.GetValueOrDefault(one.ContainerId, "?")}";
        if (one.ContainerEventType == ContainerEventType.ContainerDeletedEvent)
        {
            _names.Remove(one.ContainerId);
        }

        var line = $"{Time(one.CreatedAt)} {(isPod ? "pod" : "container")} {Word(one.ContainerEventType)} {name} {ShortId.Of(one.ContainerId)}{End(one, status)}";
        return Table.Printable(line);
    }

    private static string End(ContainerEventResponse one, ContainerStatus? status)
        => one.ContainerEventType == ContainerEventType.ContainerStoppedEvent && status is not null
            ? string.Create(CultureInfo.InvariantCulture, $" exit {status.ExitCode} {status.Reason}").TrimEnd()
            : "";

    private static string Word(ContainerEventType type) => type switch
    {
        ContainerEventType.ContainerCreatedEvent => "created",
        ContainerEventType.ContainerStartedEvent => "started",
        ContainerEventType.ContainerStoppedEvent => "stopped",
        ContainerEventType.ContainerDeletedEvent => "deleted",
        _ => type.ToString(),
    };

    private static string Time(long nanoseconds)
        => DateTime.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick).ToString(TimeFormat, CultureInfo.InvariantCulture);
}
