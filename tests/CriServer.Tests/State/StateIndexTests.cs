using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Xunit;

namespace Crisp.CriServer.Tests.State;

public sealed class StateIndexTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordStore<SandboxRecord> _sandboxes;
    private readonly StateIndex _index = new();

    public StateIndexTests() => _sandboxes = new RecordStore<SandboxRecord>(
        _directory.Combine("s"), _directory.Combine("aside"), 1, RecordJson.Default.SandboxRecord);

    public void Dispose()
    {
        _sandboxes.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Find_TakesAFullIdOrAPrefixOfOne()
    {
        var id = Add(new string('a', 64));
        Add("b" + new string('a', 63));
        Assert.Equal(id, _index.FindSandbox(id)?.Id);
        Assert.Equal(id, _index.FindSandbox("aa")?.Id);
        Assert.Null(_index.FindSandbox("c"));
        Assert.Null(_index.FindSandbox(""));
    }

    [Fact]
    public void Find_RefusesAPrefixOfSeveral()
    {
        Add("ab" + new string('0', 62));
        Add("ac" + new string('0', 62));
        Assert.Contains("more than one", Assert.Throws<CriException>(() => _index.FindSandbox("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PodThatIsBeingMade_IsNotThereForCallers()
    {
        _index.Add(new LiveSandbox(Records.Sandbox("x") with { Stage = SandboxStage.Creating }, _sandboxes));
        Assert.Empty(_index.Sandboxes);
        Assert.Null(_index.FindSandbox("x"));
        Assert.Single(_index.All);
    }

    [Fact]
    public void Change_ThatCannotBeWrittenChangesNothing()
    {
        var sandbox = new LiveSandbox(Records.Sandbox(), _sandboxes);
        _sandboxes.Dispose();
        Assert.ThrowsAny<Exception>(() => sandbox.Change(r => r with { Stage = SandboxStage.NotReady }));
        Assert.Equal(SandboxStage.Ready, sandbox.Record.Stage);
    }

    [Fact]
    public async Task Observer_HearsOfAContainerBeforeItsFirstChange()
    {
        using var containers = new RecordStore<ContainerRecord>(_directory.Combine("c"), _directory.Combine("aside"), 1, RecordJson.Default.ContainerRecord);
        using var observer = new SlowObserver();
        var index = new StateIndex(observer);
        var container = new LiveContainer(Records.Container("pod") with { Stage = ContainerStage.Created, Exit = null }, containers);
        var changing = Task.Run(() =>
        {
            SpinWait.SpinUntil(() => index.FindContainer(container.Id) is not null);
            observer.Changing.Set();
            container.Change(r => r with { Stage = ContainerStage.Running });
        });
        index.Add(container);
        await changing;
        Assert.Equal(["added", "changed"], observer.Heard);
    }

    private string Add(string id)
    {
        _index.Add(new LiveSandbox(Records.Sandbox(id), _sandboxes));
        return id;
    }

    private sealed class SlowObserver : IStateObserver, IDisposable
    {
        /// <summary>Set by who is about to change the container.</summary>
        public ManualResetEventSlim Changing { get; } = new();

        public List<string> Heard { get; } = [];

        public void Added(LiveContainer container)
        {
            Changing.Wait(TimeSpan.FromSeconds(30));
            Thread.Sleep(100);
            Heard.Add("added");
        }

        public void Changed(LiveContainer container, ContainerRecord before) => Heard.Add("changed");

        public void Changed(LiveSandbox sandbox, SandboxRecord before) => Heard.Add("sandbox changed");

        public void Removed(LiveContainer container) => Heard.Add("removed");

        public void Removed(LiveSandbox sandbox) => Heard.Add("sandbox removed");

        public void Dispose() => Changing.Dispose();
    }
}
