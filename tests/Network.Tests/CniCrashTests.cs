using System.Diagnostics;
using Xunit;

namespace Crisp.Network.Tests;

/// <summary>The process dies between two durable steps: a new one finds in the cache what it has to undo.</summary>
public sealed class CniCrashTests : IDisposable
{
    private readonly FakePlugins _plugins = new();

    public CniCrashTests()
    {
        // A plugin with leases, as host-local has them: a file for each container.
        foreach (var type in (string[])["first", "second"])
        {
            _plugins.Add(type, $$"""
                lease="$seen/lease.{{type}}.$CNI_CONTAINERID"
                case $CNI_COMMAND in
                ADD) touch "$lease"; echo '{{FakePlugins.Result}}' ;;
                DEL) rm -f "$lease" ;;
                esac
                """);
        }
    }

    public static TheoryData<CniStep, int, int> AddSteps => new()
    {
        { CniStep.AddRecorded, 1, 0 },
        { CniStep.PluginAdded, 1, 1 },
        { CniStep.PluginAdded, 2, 2 },
        { CniStep.ResultRecorded, 1, 2 },
    };

    public static TheoryData<CniStep, int> DeleteSteps => new()
    {
        { CniStep.PluginDeleted, 1 },
        { CniStep.PluginDeleted, 2 },
        { CniStep.AttachmentForgotten, 1 },
    };

    public void Dispose() => _plugins.Dispose();

    [Theory]
    [MemberData(nameof(AddSteps))]
    public async Task DeathWithinAdd_LeavesNothingThatDeleteCannotFind(CniStep step, int time, int leases)
    {
        using (var dying = Dying(step, time))
        {
            await Assert.ThrowsAsync<Death>(() => dying.AddAsync(FakePlugins.Network("first", "second"), FakePlugins.Attachment()));
        }

        Assert.Equal(leases, Leases.Length);
        await DeleteInANewProcess();
    }

    [Fact]
    public void DeathWithinAWrite_LeavesNoFileForLong()
    {
        var cache = Directory.CreateDirectory(_plugins.Options.CacheDirectory).FullName;
        File.WriteAllText(Path.Combine(cache, ".pod1@eth0.tmp"), "{");
        using var network = new CniNetwork(_plugins.Options);
        network.RemoveTemporaries();
        Assert.Empty(Directory.GetFiles(cache));
    }

    [Theory]
    [MemberData(nameof(DeleteSteps))]
    public async Task DeathWithinDelete_IsMadeGoodByTheNextDelete(CniStep step, int time)
    {
        using (var network = new CniNetwork(_plugins.Options))
        {
            await network.AddAsync(FakePlugins.Network("first", "second"), FakePlugins.Attachment());
        }

        using (var dying = Dying(step, time))
        {
            await Assert.ThrowsAsync<Death>(() => dying.DeleteAsync("pod1"));
        }

        await DeleteInANewProcess();
    }

    [Fact]
    public async Task PluginThatOutlivesItsDaemon_IsEndedBeforeDelete()
    {
        using (var dying = Dying(CniStep.AddRecorded, 1))
        {
            await Assert.ThrowsAsync<Death>(() => dying.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment()));
        }

        // What the dead daemon's plugin would be: a process, in a session of its own, that has the entry open and is about to add.
        var entry = Path.Combine(_plugins.Cache, "pod1@eth0.json");
        var script = $"exec 7<\"$1\"; touch \"$2/holds\"; sleep 2; touch \"$2/lease.first.pod1\"; sleep 100";
        using var late = Process.Start("setsid", ["-w", "sh", "-c", script, "late", entry, _plugins.Seen]);
        try
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(Path.Combine(_plugins.Seen, "holds")), 10_000));

            await DeleteInANewProcess();

            Assert.True(late.WaitForExit(10_000));
            await Task.Delay(2500);
            Assert.Empty(Leases);
        }
        finally
        {
            if (!late.HasExited)
            {
                late.Kill(entireProcessTree: true);
            }
        }
    }

    [Fact]
    public async Task ProcessesThatAreStartedMeanwhile_AreNotTakenForRemains()
    {
        // Between fork and exec they have the entry open too, close-on-exec.
        using var stop = new CancellationTokenSource();
        var started = Task.Run(() =>
        {
            var count = 0;
            for (; !stop.IsCancellationRequested; count++)
            {
                using var process = Process.Start("true");
                process.WaitForExit();
                Assert.Equal(0, process.ExitCode);
            }

            return count;
        });
        for (var i = 0; i < 20; i++)
        {
            using var dying = Dying(CniStep.AddRecorded, 1);
            await Assert.ThrowsAsync<Death>(() => dying.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment()));
            await DeleteInANewProcess();
        }

        await stop.CancelAsync();
        Assert.True(await started > 0);
    }

    [Fact]
    public async Task DamagedEntry_IsSetAsideAndDeletedByTheNodesNetwork()
    {
        var network = FakePlugins.Network("first", "second");
        using var cni = new CniNetwork(_plugins.Options);
        await cni.AddAsync(network, FakePlugins.Attachment());
        var entry = Path.Combine(_plugins.Cache, "pod1@eth0.json");
        File.WriteAllText(entry, File.ReadAllText(entry)[..200]);

        Assert.True(await cni.DeleteAsync("pod1", fallback: network));

        Assert.Empty(Leases);
        Assert.Empty(cni.Attachments());
        Assert.Contains("was set aside", Assert.Single(cni.TakeProblems()), StringComparison.Ordinal);
        Assert.True(File.Exists(entry + ".damaged"));
    }

    [Fact]
    public async Task EntryThatAPowerFailureTook_IsMadeAnewForDelete()
    {
        var network = FakePlugins.Network("first", "second");
        using var cni = new CniNetwork(_plugins.Options);
        await cni.AddAsync(network, FakePlugins.Attachment());
        File.Delete(Path.Combine(_plugins.Cache, "pod1@eth0.json"));
        Assert.False(await cni.DeleteAsync("pod1", fallback: network));
        Assert.Equal(2, Leases.Length);

        // It fails, and is known then.
        _plugins.Add("second", "exit 1");
        await Assert.ThrowsAsync<CniException>(() => cni.DeleteAsync("pod1", fallback: network, lost: true));
        Assert.Equal([("pod1", "eth0")], cni.Attachments());

        _plugins.Add("second", """[ $CNI_COMMAND != DEL ] || rm -f "$seen/lease.second.$CNI_CONTAINERID" """);
        await DeleteInANewProcess();
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"version":99}""")]
    public async Task UnreadableEntry_NeverBlocksAnything(string content)
    {
        using var cni = new CniNetwork(_plugins.Options);
        File.WriteAllText(Path.Combine(_plugins.Cache, "pod1@eth0.json"), content);

        var error = await Assert.ThrowsAsync<CniException>(() => cni.DeleteAsync("pod1"));

        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
        Assert.False(await cni.DeleteAsync("pod1"));
        Assert.Empty(cni.Attachments());
    }

    [Fact]
    public async Task EntryOfAnotherPod_IsDamage()
    {
        using var cni = new CniNetwork(_plugins.Options);
        await cni.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());
        File.Copy(Path.Combine(_plugins.Cache, "pod1@eth0.json"), Path.Combine(_plugins.Cache, "pod2@eth0.json"));

        await Assert.ThrowsAsync<CniException>(() => cni.DeleteAsync("pod2"));

        Assert.Equal([("pod1", "eth0")], cni.Attachments());
        Assert.Single(Leases);
    }

    [Fact]
    public async Task Cache_IsRootsAlone()
    {
        Root.Required();
        using var cni = new CniNetwork(_plugins.Options);
        await cni.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());

        Assert.Equal((UnixFileMode)0x1C0, File.GetUnixFileMode(_plugins.Cache));
        Assert.Equal(["pod1@eth0.json"], Directory.GetFiles(_plugins.Cache).Select(Path.GetFileName));
        Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(Path.Combine(_plugins.Cache, "pod1@eth0.json")));
    }

    private string[] Leases => Directory.GetFiles(_plugins.Seen, "lease.*");

    private CniNetwork Dying(CniStep step, int time) => new(_plugins.Options with
    {
        Reached = reached =>
        {
            if (reached == step && Interlocked.Decrement(ref time) == 0)
            {
                throw new Death();
            }
        },
    });

    private async Task DeleteInANewProcess()
    {
        using var network = new CniNetwork(_plugins.Options);
        foreach (var (id, name) in network.Attachments())
        {
            await network.DeleteAsync(id, name);
        }

        Assert.Empty(network.Attachments());
        Assert.Empty(Leases);
    }

    /// <summary>Caught by nobody in the library, so that nothing is undone, as after SIGKILL.</summary>
    private sealed class Death : Exception;
}
