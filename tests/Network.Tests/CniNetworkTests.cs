using System.Net;
using Xunit;

namespace Crisp.Network.Tests;

public sealed class CniNetworkTests : IDisposable
{
    private readonly FakePlugins _plugins = new();
    private readonly CniNetwork _network;

    public CniNetworkTests() => _network = new CniNetwork(_plugins.Options);

    public void Dispose()
    {
        _network.Dispose();
        _plugins.Dispose();
    }

    [Fact]
    public async Task Add_PassesEachResultToTheNextPlugin()
    {
        _plugins.AddGood("first");
        _plugins.AddGood("second", """{"cniVersion":"0.4.0","ips":[{"address":"10.231.0.3/24","version":"4"},{"address":"fd00:231::3/64"}]}""");
        _plugins.AddGood("third", """{"ips":[{"address":"10.231.0.4/24"},{"address":"fd00:231::4/64"}]}""");

        var result = await _network.AddAsync(FakePlugins.Network("first", "second", "third"), FakePlugins.Attachment());

        Assert.Equal(["ADD first", "ADD second", "ADD third"], _plugins.Journal);
        Assert.DoesNotContain("prevResult", _plugins.Given("first", "ADD"), StringComparison.Ordinal);
        Assert.Contains("\"prevResult\":{\"cniVersion\":\"1.0.0\"", _plugins.Given("second", "ADD"), StringComparison.Ordinal);
        Assert.Contains("10.231.0.2/24", _plugins.Given("second", "ADD"), StringComparison.Ordinal);
        // The second one answered in 0.4.0; the third is of 1.0.0 and must be given that.
        Assert.Contains(
            """
            "prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.231.0.3/24"},{"address":"fd00:231::3/64"}]}
            """,
            _plugins.Given("third", "ADD"), StringComparison.Ordinal);
        Assert.Equal([IPAddress.Parse("10.231.0.4"), IPAddress.Parse("fd00:231::4")], result.AddressesOf("eth0"));
    }

    [Fact]
    public async Task Delete_RunsInReverseWithTheLastResult()
    {
        _plugins.AddGood("first");
        _plugins.AddGood("second", """{"cniVersion":"1.0.0","ips":[{"address":"10.231.0.9/24"}]}""");
        await _network.AddAsync(FakePlugins.Network("first", "second"), FakePlugins.Attachment());

        Assert.True(await _network.DeleteAsync("pod1"));

        Assert.Equal(["ADD first", "ADD second", "DEL second", "DEL first"], _plugins.Journal);
        Assert.Contains("10.231.0.9/24", _plugins.Given("first", "DEL"), StringComparison.Ordinal);
        Assert.Contains("10.231.0.9/24", _plugins.Given("second", "DEL"), StringComparison.Ordinal);
        Assert.Contains("CNI_NETNS=/proc/self/ns/net", _plugins.Environment("first", "DEL"));
        Assert.Empty(_network.Attachments());
    }

    [Fact]
    public async Task Delete_CanBeRepeated()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());

        Assert.True(await _network.DeleteAsync("pod1"));
        Assert.False(await _network.DeleteAsync("pod1"));
        Assert.False(await _network.DeleteAsync("never-added"));
        Assert.Equal(["ADD first", "DEL first"], _plugins.Journal);
    }

    [Fact]
    public async Task Delete_OfAVersionWithoutIt_GivesNoResult()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.NetworkIn("0.3.1", "first"), FakePlugins.Attachment());
        await _network.DeleteAsync("pod1");

        Assert.DoesNotContain("prevResult", _plugins.Given("first", "DEL"), StringComparison.Ordinal);
        Assert.Contains("\"cniVersion\":\"0.3.1\"", _plugins.Given("first", "DEL"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_WithoutANamespace_SaysSo()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment() with { Netns = "/proc/4194304/fd/9" });

        Assert.True(await _network.DeleteAsync("pod1"));

        Assert.Contains("CNI_NETNS=", _plugins.Environment("first", "DEL"));
    }

    [Fact]
    public async Task Delete_OfWhatIsNoNamespace_GivesNone()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());

        // A descriptor's number may lead to any other file after a restart.
        Assert.True(await _network.DeleteAsync("pod1", netns: "/dev/null"));

        Assert.Contains("CNI_NETNS=", _plugins.Environment("first", "DEL"));
    }

    [Fact]
    public async Task Delete_UsesTheConfigurationOfAdd()
    {
        _plugins.AddGood("first");
        var network = FakePlugins.Read("""{"cniVersion":"1.0.0","name":"crispt","plugins":[{"type":"first","subnet":"10.231.0.0/24","capabilities":{"mac":true}}]}""");
        await _network.AddAsync(network, FakePlugins.Attachment() with { Capabilities = new CapabilityArguments { Mac = "02:00:00:00:00:07" } });

        // Another process, after the file is gone.
        using var later = new CniNetwork(_plugins.Options);
        Assert.Equal([("pod1", "eth0")], later.Attachments());
        Assert.Equal("10.231.0.2", later.ResultOf("pod1")!.AddressesOf("eth0").Single().ToString());
        Assert.True(await later.DeleteAsync("pod1"));

        var given = _plugins.Given("first", "DEL");
        Assert.Contains("\"subnet\":\"10.231.0.0/24\"", given, StringComparison.Ordinal);
        Assert.Contains("\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:07\"}", given, StringComparison.Ordinal);
        Assert.Contains("CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=pod1;K8S_POD_UID=0b5f", _plugins.Environment("first", "DEL"));
    }

    [Fact]
    public async Task FailedAdd_IsUndoneFromThePluginThatFailed()
    {
        _plugins.AddGood("first");
        _plugins.Add("second", """[ $CNI_COMMAND != ADD ] || { echo '{"code":11,"msg":"no lease","details":"busy"}'; exit 1; }""");
        _plugins.AddGood("third");

        var error = await Assert.ThrowsAsync<CniException>(
            () => _network.AddAsync(FakePlugins.Network("first", "second", "third"), FakePlugins.Attachment()));

        Assert.Equal(11, error.Error!.Code);
        Assert.Contains("second of the network crispt failed at ADD: no lease (busy) [code 11]. It asks to try again later.", error.Message, StringComparison.Ordinal);
        Assert.Equal(["ADD first", "ADD second", "DEL second", "DEL first"], _plugins.Journal);
        Assert.Empty(_network.Attachments());
    }

    [Fact]
    public async Task PluginWithNothingOfThePod_IsNotAskedToDelete()
    {
        _plugins.AddGood("first");
        _plugins.Add("second", """[ $CNI_COMMAND != ADD ] || { echo '{"code":3,"msg":"unknown"}'; exit 1; }""");

        await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(FakePlugins.Network("first", "second"), FakePlugins.Attachment()));

        Assert.Equal(["ADD first", "ADD second", "DEL first"], _plugins.Journal);
    }

    [Fact]
    public async Task Delete_OfWhatAPluginDoesNotKnow_IsDone()
    {
        _plugins.AddGood("first");
        _plugins.Add("second", $$"""
            case $CNI_COMMAND in
            ADD) echo '{{FakePlugins.Result}}' ;;
            DEL) echo '{"code":3,"msg":"unknown container"}'; exit 1 ;;
            esac
            """);
        await _network.AddAsync(FakePlugins.Network("first", "second"), FakePlugins.Attachment());

        Assert.True(await _network.DeleteAsync("pod1"));

        Assert.Equal("DEL first", _plugins.Journal[^1]);
        Assert.Empty(_network.Attachments());
    }

    [Fact]
    public async Task MissingPlugin_StopsAddBeforeAnythingIsDone()
    {
        _plugins.AddGood("first");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(FakePlugins.Network("first", "absent"), FakePlugins.Attachment()));

        Assert.Contains("absent is not installed", error.Message, StringComparison.Ordinal);
        Assert.Empty(_plugins.Journal);
        Assert.Empty(_network.Attachments());
    }

    [Fact]
    public async Task DeleteThatFails_KeepsTheAttachmentForTheNextTry()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());
        _plugins.Add("first", "echo the daemon is away >&2; exit 1");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.DeleteAsync("pod1"));
        Assert.Contains("ended with code 1 at DEL: the daemon is away.", error.Message, StringComparison.Ordinal);
        Assert.Single(_network.Attachments());

        _plugins.AddGood("first");
        Assert.True(await _network.DeleteAsync("pod1"));
        Assert.Empty(_network.Attachments());
    }

    [Fact]
    public async Task RollbackThatFails_KeepsTheAttachmentToo()
    {
        _plugins.Add("first", "echo broken >&2; exit 1");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment()));
        Assert.Contains("could not be undone", error.Message, StringComparison.Ordinal);
        Assert.Single(_network.Attachments());

        _plugins.AddGood("first");
        Assert.True(await _network.DeleteAsync("pod1"));
        Assert.Empty(_network.Attachments());
    }

    [Theory]
    [InlineData("echo garbage", "printed \"garbage\" instead of a result")]
    [InlineData("true", "printed nothing instead of a result")]
    [InlineData("head -c 100000000 /dev/zero", "printed more than 1 MiB")]
    [InlineData("exit 7", "ended with code 7 at ADD and said nothing")]
    [InlineData("echo '{\"cniVersion\":\"0.1.0\",\"ip4\":{}}'", "answered in version \"0.1.0\" though it was asked in 1.0.0")]
    [InlineData("echo '{\"ips\":[{\"address\":\"1.2.3.4/99\"}]}'", "has the address \"1.2.3.4/99\"")]
    public async Task LyingPlugin_IsNamedAndUndone(string script, string words)
    {
        _plugins.Add("liar", $"[ $CNI_COMMAND != ADD ] || {{ {script}; }}");

        var error = await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(FakePlugins.Network("liar"), FakePlugins.Attachment()));

        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains("liar", error.Message, StringComparison.Ordinal);
        Assert.Equal(["ADD liar", "DEL liar"], _plugins.Journal);
        Assert.Empty(_network.Attachments());
    }

    [Fact]
    public async Task HangingPlugin_IsKilledAndUndone()
    {
        _plugins.Add("slow", "[ $CNI_COMMAND != ADD ] || { trap '' TERM; sleep 333; }");
        using var impatient = new CniNetwork(_plugins.Options with { PluginTimeout = TimeSpan.FromSeconds(1) });

        var error = await Assert.ThrowsAsync<CniException>(() => impatient.AddAsync(FakePlugins.Network("slow"), FakePlugins.Attachment()));

        Assert.Contains("did not end within 1 s", error.Message, StringComparison.Ordinal);
        Assert.Equal(["ADD slow", "DEL slow"], _plugins.Journal);
        Assert.Empty(impatient.Attachments());
    }

    [Fact]
    public async Task SecondAdd_IsRefused()
    {
        _plugins.AddGood("first");
        await _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment());

        var error = await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment()));

        Assert.Contains("already in a network", error.Message, StringComparison.Ordinal);
        Assert.Equal(["ADD first"], _plugins.Journal);
    }

    [Theory]
    [InlineData("../pod", "eth0", "a", "b")]
    [InlineData("", "eth0", "a", "b")]
    [InlineData("pod", "eth/0", "a", "b")]
    [InlineData("pod", "a-name-of-16-chr", "a", "b")]
    [InlineData("pod", "eth0", "a", "b;K8S_POD_NAME=other")]
    [InlineData("pod", "eth0", "a=b", "c")]
    public async Task Attachment_CannotForgeAnything(string id, string name, string key, string value)
    {
        _plugins.AddGood("first");
        var attachment = new CniAttachment { ContainerId = id, InterfaceName = name, Netns = "", Arguments = new Dictionary<string, string> { [key] = value } };

        await Assert.ThrowsAsync<CniException>(() => _network.AddAsync(FakePlugins.Network("first"), attachment));

        Assert.Empty(_plugins.Journal);
    }

    [Fact]
    public async Task ManyPods_JoinAtOnce()
    {
        _plugins.AddGood("first");
        var ids = Enumerable.Range(0, 40).Select(i => $"pod{i}").ToList();

        await Task.WhenAll(ids.Select(id => _network.AddAsync(FakePlugins.Network("first"), FakePlugins.Attachment(id))));
        Assert.Equal(40, _network.Attachments().Count);
        await Task.WhenAll(ids.Select(id => _network.DeleteAsync(id)));

        Assert.Empty(_network.Attachments());
        Assert.Equal(80, _plugins.Journal.Count);
    }
}
