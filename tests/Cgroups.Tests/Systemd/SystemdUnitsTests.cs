using Crisp.Cgroups.Systemd;
using Crisp.Linux;
using Xunit;

namespace Crisp.Cgroups.Tests.Systemd;

/// <summary>What systemd is asked for, word by word, and what becomes of its answers; by libsystemd and a manager of the test's own.</summary>
public sealed class SystemdUnitsTests
{
    private const string Exists = "org.freedesktop.systemd1.UnitExists";
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);
    private static readonly ScopeUnit s_unit = new("crisp-1.scope", SliceName.Parse("kubepods-pod1.slice"), 4711, "Pod 1");

    public SystemdUnitsTests() => Assert.SkipUnless(BusConnection.IsAvailable, "needs libsystemd (Debian: libsystemd0)");

    [Fact]
    public void StartScope_AsksForADelegatedScopeInTheSlice()
    {
        using var manager = new FakeManager(Started);
        Units(manager).StartScope(s_unit);
        var call = Assert.Single(manager.Calls);
        Assert.Equal("StartTransientUnit", call.Member);
        Assert.Equal(
            "\"crisp-1.scope\", \"fail\", [(\"Description\", \"Pod 1\"), (\"Slice\", \"kubepods-pod1.slice\"), (\"PIDs\", [4711]), "
            + "(\"Delegate\", true), (\"TasksMax\", 18446744073709551615), (\"DefaultDependencies\", false), "
            + "(\"CollectMode\", \"inactive-or-failed\")], []",
            call.Arguments);
    }

    [Fact]
    public void JobsOfOthers_AreNotTakenForOurs()
    {
        using var manager = new FakeManager(call =>
            [FakeManager.JobRemoved("/other", "failed"), FakeManager.AnswerJob(call), FakeManager.JobRemoved("/other", "failed"), FakeManager.JobRemoved(FakeManager.Job, "done")]);
        Units(manager).StartScope(s_unit);
    }

    [Fact]
    public void Job_ThatIsDoneBeforeItsAnswerCounts()
    {
        using var manager = new FakeManager(call => [FakeManager.JobRemoved(FakeManager.Job, "done"), FakeManager.AnswerJob(call)]);
        Units(manager).StartScope(s_unit);
    }

    [Fact]
    public void Job_ThatFails_IsAnErrorThatSaysHow()
    {
        using var manager = new FakeManager(call => [FakeManager.AnswerJob(call), FakeManager.JobRemoved(FakeManager.Job, "failed")]);
        var error = Assert.Throws<SystemdException>(() => Units(manager).StartScope(s_unit));
        Assert.Equal("The unit crisp-1.scope could not be started: systemd's job ended as \"failed\". See journalctl -u crisp-1.scope.", error.Message);
    }

    [Fact]
    public void Job_ThatNeverEnds_IsAnErrorAtTheDeadline()
    {
        using var manager = new FakeManager(call => [FakeManager.AnswerJob(call)]);
        var error = Assert.Throws<SystemdException>(() => new SystemdUnits(manager.Address, TimeSpan.FromMilliseconds(300)).StartScope(s_unit));
        Assert.StartsWith("systemd did not say within 0 s that the unit crisp-1.scope was started.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Manager_ThatDoesNotAnswer_IsAnErrorAtTheDeadline()
    {
        using var manager = new FakeManager(_ => []);
        var error = Assert.Throws<SystemdException>(() => new SystemdUnits(manager.Address, TimeSpan.FromMilliseconds(300)).StartScope(s_unit));
        Assert.Contains("The unit crisp-1.scope cannot be started: StartTransientUnit of org.freedesktop.systemd1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unit_ThatFailedEarlier_IsResetAndStartedOnceMore()
    {
        var tries = 0;
        using var manager = new FakeManager(call => call.Member switch
        {
            "StartTransientUnit" when tries++ == 0 => [FakeManager.Refuse(call, Exists, "Unit crisp-1.scope already exists.")],
            "ResetFailedUnit" => [FakeManager.Answer(call, "", _ => { })],
            _ => Started(call),
        });
        Units(manager).StartScope(s_unit);
        Assert.Equal(["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"], manager.Calls.Select(c => c.Member));
    }

    [Fact]
    public void Unit_ThatExists_IsRefusedInTheEndInSystemdsWords()
    {
        using var manager = new FakeManager(call => call.Member == "ResetFailedUnit"
            ? [FakeManager.Answer(call, "", _ => { })]
            : [FakeManager.Refuse(call, Exists, "Unit crisp-1.scope already exists.")]);
        var error = Assert.Throws<SystemdException>(() => Units(manager).StartScope(s_unit));
        Assert.Equal(
            "The unit crisp-1.scope cannot be started: StartTransientUnit of org.freedesktop.systemd1 was refused: "
            + $"Unit crisp-1.scope already exists. ({Exists})",
            error.Message);
    }

    [Fact]
    public void Stop_OfAUnitThatIsGone_IsDone()
    {
        using var manager = new FakeManager(call => [FakeManager.Refuse(call, "org.freedesktop.systemd1.NoSuchUnit", "Unit x.slice not loaded.")]);
        Units(manager).Stop("x.slice");
        Assert.Equal("\"x.slice\", \"replace\"", Assert.Single(manager.Calls).Arguments);
    }

    [Fact]
    public void Stop_WaitsForItsJob()
    {
        using var manager = new FakeManager(call => [FakeManager.AnswerJob(call), FakeManager.JobRemoved(FakeManager.Job, "timeout")]);
        var error = Assert.Throws<SystemdException>(() => Units(manager).Stop("x.slice"));
        Assert.Contains("could not be stopped: systemd's job ended as \"timeout\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Kill_AsksForSigkillOfAll()
    {
        using var manager = new FakeManager(call => [FakeManager.Answer(call, "", _ => { })]);
        Units(manager).Kill("crisp-1.scope");
        var call = Assert.Single(manager.Calls);
        Assert.Equal(("KillUnit", "\"crisp-1.scope\", \"all\", 9"), (call.Member, call.Arguments));
    }

    [Fact]
    public void List_ReadsNamesAndDescriptions()
    {
        using var manager = new FakeManager(call => [FakeManager.Answer(call, "a(ssssssouso)", w =>
        {
            var array = new BusWriter();
            foreach (var name in (string[])["a", "b"])
            {
                array.Align(8).Text($"crisp-{name}.scope").Text($"Pod {name}").Text("loaded").Text("active").Text("running").Text("")
                    .Text("/unit").UInt32(0).Text("").Text("/");
            }

            w.UInt32((uint)array.Bytes.Length).Align(8).Append(array.Bytes);
        })]);
        Assert.Equal([("crisp-a.scope", "Pod a"), ("crisp-b.scope", "Pod b")], Units(manager).List("crisp-*.scope"));
        Assert.Equal("[], [\"crisp-*.scope\"]", Assert.Single(manager.Calls).Arguments);
    }

    [Theory]
    [InlineData("/a.slice/crisp-1.scope", "a.slice/crisp-1.scope")]
    [InlineData("", null)]
    public void ControlGroup_IsRead(string told, string? path)
    {
        using var manager = new FakeManager(call => [call.Member == "GetUnit"
            ? FakeManager.Answer(call, "o", w => w.Text("/org/freedesktop/systemd1/unit/x"))
            : FakeManager.Answer(call, "v", w => w.Signature("s").Align(4).Text(told))]);
        Assert.Equal(path, Units(manager).ControlGroupOf("crisp-1.scope")?.Value);
        Assert.Equal("\"org.freedesktop.systemd1.Scope\", \"ControlGroup\"", manager.Calls[^1].Arguments);
    }

    [Fact]
    public void ControlGroup_OfAUnitThatIsGone_IsNone()
    {
        using var manager = new FakeManager(call => [FakeManager.Refuse(call, "org.freedesktop.systemd1.NoSuchUnit", "Unit x.scope not loaded.")]);
        Assert.Null(Units(manager).ControlGroupOf("x.scope"));
    }

    [Fact]
    public void Version_IsRead()
    {
        using var manager = new FakeManager(call => [FakeManager.Answer(call, "v", w => w.Signature("s").Text("257.8"))]);
        Assert.Equal("257.8", Units(manager).Version());
    }

    [Fact]
    public void Manager_ThatIsNotThere_IsAnErrorThatNamesIt()
    {
        var units = new SystemdUnits("unix:path=/nonexistent/bus", s_deadline);
        var questions = new (string Failure, Action Ask)[]
        {
            ("The unit crisp-1.scope cannot be started: ", () => units.StartScope(s_unit)),
            ("The unit x.scope cannot be stopped: ", () => units.Stop("x.scope")),
            ("The processes of the unit x.scope cannot be killed: ", () => units.Kill("x.scope")),
            ("The cgroup of the unit x.scope cannot be read: ", () => units.ControlGroupOf("x.scope")),
            ("systemd's units cannot be listed: ", () => units.List("*")),
            ("systemd's version cannot be read: ", () => units.Version()),
        };
        foreach (var (failure, ask) in questions)
        {
            var error = Assert.Throws<SystemdException>(ask);
            Assert.StartsWith(failure, error.Message, StringComparison.Ordinal);
            Assert.Contains("/nonexistent/bus", error.Message, StringComparison.Ordinal);
        }
    }

    private static SystemdUnits Units(FakeManager manager) => new(manager.Address, s_deadline);

    private static IEnumerable<byte[]> Started(BusCall call) => [FakeManager.AnswerJob(call), FakeManager.JobRemoved(FakeManager.Job, "done")];
}
