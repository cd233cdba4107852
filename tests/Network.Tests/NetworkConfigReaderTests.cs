using System.Text;
using Xunit;

namespace Crisp.Network.Tests;

public sealed class NetworkConfigReaderTests
{
    [Fact]
    public void List_IsReadWhole()
    {
        var network = FakePlugins.Read("""
            {
              "cniVersion": "1.0.0", "name": "podnet", "disableCheck": true, "disableGC": "true",
              "plugins": [
                {"type": "bridge", "bridge": "cni0", "ipam": {"type": "host-local"}},
                {"type": "portmap", "capabilities": {"portMappings": true, "snat": false}}
              ]
            }
            """);

        Assert.Equal("podnet", network.Name);
        Assert.Equal(CniVersion.V100, network.Version);
        Assert.True(network.DisableCheck);
        Assert.True(network.DisableGc);
        Assert.Equal(["bridge", "portmap"], network.Plugins.Select(p => p.Type));
        Assert.Equal(["portMappings"], network.Plugins[1].Capabilities);
        Assert.Equal("cni0", network.Plugins[0].Json.GetProperty("bridge").GetString());
    }

    [Fact]
    public void SinglePlugin_IsAListOfOne()
    {
        var network = FakePlugins.Read("""{"cniVersion":"0.3.1","name":"podnet","type":"bridge","bridge":"cni0"}""");

        Assert.Equal(new CniVersion(0, 3, 1), network.Version);
        Assert.Equal("bridge", Assert.Single(network.Plugins).Type);
    }

    [Fact]
    public void Versions_AreThoseThatAreKnown()
    {
        var network = FakePlugins.Read(
            """{"cniVersion":"0.4.0","cniVersions":["1.1.0","9.0.0","1.0.0","0.4.0"],"name":"n","plugins":[{"type":"a"}]}""");

        Assert.Equal([CniVersion.V040, CniVersion.V100, CniVersion.V110], network.Versions);
    }

    [Fact]
    public void PluginsBesideTheList_AreAppended()
    {
        var further = NetworkConfigReader.ReadPlugin("""{"type":"tuning"}"""u8.ToArray());
        NetworkConfigList Read(string json)
            => NetworkConfigReader.Read(Encoding.UTF8.GetBytes(json), "x", name => name == "podnet" ? [further] : []);

        Assert.Equal(
            ["bridge", "tuning"],
            Read("""{"cniVersion":"1.1.0","name":"podnet","plugins":[{"type":"bridge"}]}""").Plugins.Select(p => p.Type));
        Assert.Equal(["tuning"], Read("""{"cniVersion":"1.1.0","name":"podnet"}""").Plugins.Select(p => p.Type));
        Assert.Equal(
            ["bridge"],
            Read("""{"cniVersion":"1.1.0","name":"podnet","loadOnlyInlinedPlugins":true,"plugins":[{"type":"bridge"}]}""").Plugins.Select(p => p.Type));
    }

    [Fact]
    public void WrittenForm_ReadsAsTheSameNetwork()
    {
        var network = FakePlugins.Read(
            """{"cniVersions":["0.4.0","1.0.0"],"name":"n","disableCheck":true,"plugins":[{"type":"a","mtu":1e400},{"type":"b","x":"ü\u0000"}]}""");

        var again = FakePlugins.Read(network.ToJson().GetRawText());

        Assert.Equal(network.Versions, again.Versions);
        Assert.True(again.DisableCheck);
        Assert.False(again.DisableGc);
        Assert.Equal("1e400", again.Plugins[0].Json.GetProperty("mtu").GetRawText());
        Assert.Equal("ü\0", again.Plugins[1].Json.GetProperty("x").GetString());
    }

    [Theory]
    [InlineData("", "cannot be used")]
    [InlineData("nonsense", "cannot be used")]
    [InlineData("[]", "a list, not an object")]
    [InlineData("""{"cniVersion":"1.0.0","plugins":[{"type":"a"}]}""", "no \"name\"")]
    [InlineData("""{"cniVersion":"1.0.0","name":7,"plugins":[{"type":"a"}]}""", "no \"name\"")]
    [InlineData("""{"cniVersion":"1.0.0","name":"../../etc","plugins":[{"type":"a"}]}""", "must begin with a letter")]
    [InlineData("""{"cniVersion":"1.0.0","name":"a\n","plugins":[{"type":"a"}]}""", "must begin with a letter")]
    [InlineData("""{"cniVersion":"1.0.0","name":"\ud800","plugins":[{"type":"a"}]}""", "cannot be used")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"a","x":{"\udc00":1}}]}""", "cannot be used")]
    [InlineData("""{"name":"n","plugins":[{"type":"a"}]}""", "no \"cniVersion\"")]
    [InlineData("""{"cniVersion":"0.2.0","name":"n","plugins":[{"type":"a"}]}""", "version 0.2.0 is not known")]
    [InlineData("""{"cniVersion":"2.0.0","name":"n","plugins":[{"type":"a"}]}""", "version 2.0.0 is not known")]
    [InlineData("""{"cniVersion":1,"name":"n","plugins":[{"type":"a"}]}""", "must be text")]
    [InlineData("""{"cniVersions":"1.0.0","name":"n","plugins":[{"type":"a"}]}""", "must be a list")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n"}""", "no plugins")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[]}""", "no plugins")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":{}}""", "must be a list")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":["bridge"]}""", "must be an object")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{}]}""", "no \"type\"")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../bin/sh"}]}""", "without slashes")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":".."}]}""", "without slashes")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":""}]}""", "without slashes")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"a","capabilities":["x"]}]}""", "capabilities")]
    [InlineData("""{"cniVersion":"1.0.0","name":"n","disableCheck":3,"plugins":[{"type":"a"}]}""", "disableCheck")]
    public void BadFile_IsRefusedWithItsNameAndTheReason(string json, string reason)
    {
        var error = Assert.Throws<CniException>(() => FakePlugins.Read(json));

        Assert.Contains("/etc/cni/net.d/10-test.conflist", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }
}
