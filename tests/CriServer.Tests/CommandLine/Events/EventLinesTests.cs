using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine.Events;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Events;

public sealed class EventLinesTests
{
    private const long Time = 1_767_323_045_678_000_000;
    private static readonly string _container = new('c', 64);
    private static readonly string _pod = new('d', 64);
    private readonly EventLines _lines = new();

    [Fact]
    public void Container_IsNamedWithItsPodAlsoOnceItIsGone()
    {
        Assert.Equal("2026-01-02T03:04:05.678Z container created default/web/app cccccccccccc", _lines.Of(Event(ContainerEventType.ContainerCreatedEvent)));
        Assert.Equal("2026-01-02T03:04:05.678Z container stopped default/web/app cccccccccccc exit 137 OOMKilled", _lines.Of(Event(ContainerEventType.ContainerStoppedEvent)));
        Assert.Equal("2026-01-02T03:04:05.678Z container deleted default/web/app cccccccccccc", _lines.Of(Event(ContainerEventType.ContainerDeletedEvent)));
    }

    [Fact]
    public void Pod_IsNamedByItself()
    {
        var one = Event(ContainerEventType.ContainerStartedEvent);
        one.ContainerId = _pod;
        Assert.Equal("2026-01-02T03:04:05.678Z pod started default/web dddddddddddd", _lines.Of(one));
    }

    [Fact]
    public void WhatIsNotKnown_IsAQuestionMark()
    {
        var one = Event(ContainerEventType.ContainerDeletedEvent);
        one.PodSandboxStatus = null;
        Assert.Equal("2026-01-02T03:04:05.678Z container deleted ?/? cccccccccccc", _lines.Of(one));
    }

    [Fact]
    public void ControlCharacters_DoNotReachTheTerminal()
    {
        var one = Event(ContainerEventType.ContainerCreatedEvent);
        one.ContainersStatuses[0].Metadata.Name = "a\u001b[31m";
        Assert.EndsWith("default/web/a?[31m cccccccccccc", _lines.Of(one), StringComparison.Ordinal);
    }

    private static ContainerEventResponse Event(ContainerEventType type)
    {
        var one = new ContainerEventResponse
        {
            ContainerId = _container,
            ContainerEventType = type,
            CreatedAt = Time,
            PodSandboxStatus = new PodSandboxStatus { Id = _pod, Metadata = new PodSandboxMetadata { Name = "web", Namespace = "default" } },
        };
        if (type != ContainerEventType.ContainerDeletedEvent)
        {
            one.ContainersStatuses.Add(new ContainerStatus { Id = _container, Metadata = new ContainerMetadata { Name = "app" }, ExitCode = 137, Reason = "OOMKilled" });
        }

        return one;
    }
}
