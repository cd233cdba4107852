using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class ContainerFinderTests
{
    private static readonly ContainerEntry _web = Entry("abc123", "default/web-0/app");
    private static readonly ContainerEntry _sidecar = Entry("abd456", "default/web-0/sidecar");
    private static readonly ContainerEntry _other = Entry("fff789", "kube-system/dns-1/dns");

    [Theory]
    [InlineData("abc123")]
    [InlineData("abc")]
    [InlineData("app")]
    [InlineData("web-0/app")]
    [InlineData("default/web-0/app")]
    public void Container_IsFoundByIdPrefixOrName(string text) => Assert.Same(_web, ContainerFinder.Find([_web, _sidecar, _other], text));

    [Fact]
    public void WholeId_WinsOverAName()
    {
        var named = Entry("111", "default/a/abc123");
        Assert.Same(_web, ContainerFinder.Find([named, _web], "abc123"));
    }

    [Fact]
    public void Name_WinsOverTheBeginningOfAnId()
    {
        var named = Entry("111", "default/a/abc");
        Assert.Same(named, ContainerFinder.Find([_web, named], "abc"));
    }

    [Fact]
    public void RestartedContainer_IsTheLastOne()
    {
        var first = Entry("111", "default/web-0/app", running: false, created: 1);
        var second = Entry("222", "default/web-0/app", running: false, created: 2, attempt: 1);
        Assert.Same(second, ContainerFinder.Find([second, first], "app"));
        Assert.Same(first, ContainerFinder.Previous([second, first], second));
        Assert.Contains("default/web-0/app", Refusal(() => ContainerFinder.Previous([second, first], first)), StringComparison.Ordinal);
    }

    [Fact]
    public void RunningContainer_WinsOverOneThatWaitsOrHasEnded()
    {
        var running = Entry("111", "default/web-0/app", created: 1);
        var created = Entry("222", "default/web-0/app", running: false, created: 2, attempt: 1);
        var ended = Entry("333", "default/web-1/app", running: false, created: 3);
        Assert.Same(running, ContainerFinder.Find([ended, created, running], "app"));
    }

    [Fact]
    public void NameInSeveralPods_IsRefusedWithAll()
    {
        var message = Refusal([_web, Entry("999", "default/web-1/app")], "app");
        Assert.Contains("default/web-0/app (abc123), default/web-1/app (999)", message, StringComparison.Ordinal);
    }

    [Fact]
    public void BeginningOfSeveralIds_IsRefusedWithAll()
    {
        var message = Refusal([_web, _sidecar, _other], "ab");
        Assert.Contains("default/web-0/app (abc123), default/web-0/sidecar (abd456)", message, StringComparison.Ordinal);
        Assert.DoesNotContain("dns", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("apq", "default/web-0/app")]
    [InlineData("side", "default/web-0/sidecar")]
    [InlineData("sidcar", "default/web-0/sidecar")]
    [InlineData("web-0", "default/web-0/app or default/web-0/sidecar")]
    public void UnknownName_SuggestsWhatIsNear(string text, string suggestion) =>
        Assert.EndsWith($"Did you mean {suggestion}?", Refusal([_web, _sidecar, _other], text), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("nothing-like-it")]
    public void UnknownName_WithNothingNearSaysHowToListThem(string text) =>
        Assert.EndsWith("crisp ps -a lists all.", Refusal([_web], text), StringComparison.Ordinal);

    [Fact]
    public void UnknownName_OnAnEmptyNodeSaysSo() => Assert.EndsWith("This node has no containers.", Refusal([], "app"), StringComparison.Ordinal);

    private static string Refusal(IReadOnlyList<ContainerEntry> entries, string text) => Refusal(() => ContainerFinder.Find(entries, text));

    private static string Refusal(Func<ContainerEntry> find) => Assert.Throws<CommandException>(find).Message;

    private static ContainerEntry Entry(string id, string fullName, bool running = true, long created = 0, uint attempt = 0)
    {
        var names = fullName.Split('/');
        var container = new Container
        {
            Id = id,
            PodSandboxId = names[1],
            Metadata = new ContainerMetadata { Name = names[2], Attempt = attempt },
            State = running ? ContainerState.ContainerRunning : ContainerState.ContainerExited,
            CreatedAt = created,
        };
        return new ContainerEntry(container, new PodSandbox { Id = names[1], Metadata = new PodSandboxMetadata { Namespace = names[0], Name = names[1] } });
    }
}
