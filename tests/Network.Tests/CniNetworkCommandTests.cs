using Xunit;

namespace Crisp.Network.Tests;

/// <summary>CHECK, STATUS, GC and the choice of a version.</summary>
public sealed class CniNetworkCommandTests : IDisposable
{
    private const string KnowsNothingNew = """
        case $CNI_COMMAND in STATUS|GC) echo '{"code":4,"msg":"unknown CNI_COMMAND: '$CNI_COMMAND'"}'; exit 1 ;; esac
        """;

    private readonly FakePlugins _plugins = new();
    private readonly CniNetwork _network;

    public CniNetworkCommandTests() => _network = new CniNetwork(_plugins.Options);

    public void Dispose()
    {
        _network.Dispose();
        _plugins.Dispose();
    }

    [Fact]
    public async Task Check_AsksEveryPluginWithTheResult()
    {
        _plugins.AddGood("first");
        _plugins.AddGood("second");
        await _network.AddAsync(FakePlugins.Network("first", "second"), FakePlugins.Attachment());

        Assert.True(await _network.CheckAsync("pod1"));

        Assert.Equal(["CHECK first", "CHECK second"], _plugins.Journal.Skip(2));
        Assert.Contains("10.231.0.2/24", _plugins.Given("first", "CHECK"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_ReportsWhatAPluginFinds()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());
        _plugins.Add("first", """echo '{"code":100,"msg":"the route is gone"}'; exit 1""");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.CheckAsync("pod1"));

        Assert.Contains("failed at CHECK: the route is gone", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.3.1", "false")]
    [InlineData("1.0.0", "true")]
    public async Task Check_IsNotCalledWhereItMustNotBe(string version, string disabled)
    {
        _plugins.AddGood("first");
        var network = FakePlugins.Read($$"""{"cniVersion":"{{version}}","name":"n","disableCheck":{{disabled}},"plugins":[{"type":"first"}]}""");
        await _network.AddAsync(network, FakePlugins.Attachment());

        Assert.False(await _network.CheckAsync("pod1"));

        Assert.Equal(["ADD first"], _plugins.Journal);
    }

    [Fact]
    public async Task Check_OfAPodInNoNetwork_IsAnError()
        => await Assert.ThrowsAsync<CniException>(() => _network.CheckAsync("pod1"));

    [Fact]
    public async Task Status_AsksThePluginsFrom110On()
    {
        _plugins.AddGood("first");

        await _network.StatusAsync(FakePlugins.NetworkIn("1.0.0", "first"));
        Assert.Empty(_plugins.Journal);

        await _network.StatusAsync(FakePlugins.NetworkIn("1.1.0", "first"));
        Assert.Equal(["STATUS first"], _plugins.Journal);
    }

    [Fact]
    public async Task Status_SaysWhatAPluginSays()
    {
        _plugins.Add("first", """echo '{"code":50,"msg":"the agent is not running"}'; exit 1""");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.StatusAsync(FakePlugins.NetworkIn("1.1.0", "first")));

        Assert.Equal(CniError.NotAvailable, error.Error!.Code);
        Assert.Contains("the agent is not running", error.Message, StringComparison.Ordinal);
        Assert.Contains("logs of the network plugin's own pods", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_NamesEveryPluginThatIsMissing()
    {
        _plugins.AddGood("first");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.StatusAsync(FakePlugins.Network("absent", "first", "away")));

        Assert.Contains("absent is not installed", error.Message, StringComparison.Ordinal);
        Assert.Contains("away is not installed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PluginThatDoesNotKnowStatusOrGc_IsContent()
    {
        _plugins.Add("old", KnowsNothingNew);
        var network = FakePlugins.NetworkIn("1.1.0", "old");

        await _network.StatusAsync(network);
        Assert.Empty(await _network.CollectGarbageAsync(network));

        Assert.Equal(["STATUS old", "GC old"], _plugins.Journal);
    }

    [Fact]
    public async Task Gc_TellsEveryPluginWhatIsValid()
    {
        _plugins.Add("first", """echo '{"code":100,"msg":"locked"}'; exit 1""");
        _plugins.AddGood("second");

        await _network.AddAsync(FakePlugins.Network("second"), FakePlugins.Attachment());

        var failures = await _network.CollectGarbageAsync(FakePlugins.NetworkIn("1.1.0", "first", "second"));

        Assert.Contains("locked", Assert.Single(failures), StringComparison.Ordinal);
        Assert.Equal(["ADD second", "GC first", "GC second"], _plugins.Journal);
        Assert.Contains("""[{"containerID":"pod1","ifname":"eth0"}]""", _plugins.Given("second", "GC"), StringComparison.Ordinal);
        Assert.DoesNotContain(_plugins.Environment("second", "GC"), v => v.StartsWith("CNI_CONTAINERID", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("1.0.0", "false")]
    [InlineData("1.1.0", "true")]
    public async Task Gc_IsNotCalledWhereItMustNotBe(string version, string disabled)
    {
        _plugins.AddGood("first");
        var network = FakePlugins.Read($$"""{"cniVersion":"{{version}}","name":"n","disableGC":{{disabled}},"plugins":[{"type":"first"}]}""");

        Assert.Empty(await _network.CollectGarbageAsync(network));

        Assert.Empty(_plugins.Journal);
    }

    [Fact]
    public async Task Gc_WaitsForAddAndHoldsItUp()
    {
        _plugins.Add("first", $$"""
            echo "$CNI_COMMAND begins" >> "$seen/order"; sleep 0.5; echo "$CNI_COMMAND ends" >> "$seen/order"
            [ $CNI_COMMAND != ADD ] || echo '{{FakePlugins.Result}}'
            """);
        var network = FakePlugins.NetworkIn("1.1.0", "first");

        var one = _network.AddAsync(network, FakePlugins.Attachment("pod1"));
        await Task.Delay(150);
        var gc = _network.CollectGarbageAsync(network);
        await Task.Delay(150);
        var two = _network.AddAsync(network, FakePlugins.Attachment("pod2"));
        await Task.WhenAll(one, gc, two);

        Assert.Equal(
            ["ADD begins", "ADD ends", "GC begins", "GC ends", "ADD begins", "ADD ends"], File.ReadAllLines(Path.Combine(_plugins.Seen, "order")));
    }

    [Fact]
    public async Task OfSeveralVersions_TheNewestThatAllSpeakIsUsed()
    {
        Speaks("first", "0.4.0", "1.0.0", "1.1.0");
        Speaks("second", "0.3.1", "0.4.0", "1.0.0");
        var network = FakePlugins.Read("""{"cniVersions":["0.4.0","1.0.0","1.1.0"],"name":"n","plugins":[{"type":"first"},{"type":"second"}]}""");

        await _network.AddAsync(network, FakePlugins.Attachment());
        await _network.DeleteAsync("pod1");

        Assert.Equal(["VERSION first", "VERSION second", "ADD first", "ADD second", "DEL second", "DEL first"], _plugins.Journal);
        Assert.Contains("\"cniVersion\":\"1.0.0\"", _plugins.Given("first", "ADD"), StringComparison.Ordinal);
        Assert.Contains("\"cniVersion\":\"1.0.0\"", _plugins.Given("first", "DEL"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutACommonVersion_TheFileIsNamed()
    {
        Speaks("first", "1.1.0");
        Speaks("second", "0.3.1");
        var network = FakePlugins.Read("""{"cniVersions":["0.3.1","1.1.0"],"name":"n","plugins":[{"type":"first"},{"type":"second"}]}""");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(network, FakePlugins.Attachment()));

        Assert.Contains("10-test.conflist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PluginThatDoesNotAnswerVersion_IsNamed()
    {
        _plugins.Add("mute", "[ $CNI_COMMAND != VERSION ] || echo '[]'");
        var network = FakePlugins.Read("""{"cniVersions":["0.3.1","1.1.0"],"name":"n","plugins":[{"type":"mute"}]}""");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(network, FakePlugins.Attachment()));

        Assert.Contains("does not say which versions it speaks", error.Message, StringComparison.Ordinal);
    }

    private void Speaks(string type, params string[] versions) => _plugins.Add(type, $$"""
        case $CNI_COMMAND in
        VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["{{string.Join("\",\"", versions)}}"]}' ;;
        ADD) echo '{{FakePlugins.Result}}' ;;
        esac
        """);
}
