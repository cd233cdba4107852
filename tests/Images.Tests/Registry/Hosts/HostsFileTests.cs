using Crisp.Images.Registry.Hosts;
using Xunit;

namespace Crisp.Images.Tests.Registry.Hosts;

public sealed class HostsFileTests
{
    private const string Path = "/etc/crisp/certs.d/registry.example/hosts.toml";

    [Fact]
    public void Everything_IsRead()
    {
        var hosts = HostsFile.Parse(
            """
            server = "https://registry.example"
            ca = "/etc/ssl/one.pem"

            [host."https://z.example:5000"]
            capabilities = ["pull", "resolve", "push"]
            ca = ["a.pem", "/b.pem"]
            client = [["c.cert", "c.key"], ["both.pem"]]
            dial_timeout = "1m1.5s"
            [host."https://z.example:5000".header]
            X-One = "1"
            X-Many = ["2", "3"]

            [host."http://a.example/proxy"]
            capabilities = ["pull"]
            skip_verify = true
            client = "pair.pem"

            [host."m.example/v2/"]
            [host."https://n.example/api"]
            override_path = true
            """,
            Path,
            "registry.example");

        Assert.Equal(
            ["https://z.example:5000/v2", "http://a.example/proxy/v2", "https://m.example/v2", "https://n.example/api", "https://registry.example/v2"],
            hosts.Select(h => h.Url.AbsoluteUri));
        Assert.Equal([false, false, false, false, true], hosts.Select(h => h.IsServer));
        Assert.Equal(["/etc/crisp/certs.d/registry.example/a.pem", "/b.pem"], hosts[0].Authorities);
        Assert.Equal(
            [new ClientPair("/etc/crisp/certs.d/registry.example/c.cert", "/etc/crisp/certs.d/registry.example/c.key"), new ClientPair("/etc/crisp/certs.d/registry.example/both.pem", null)],
            hosts[0].ClientPairs);
        Assert.Equal(TimeSpan.FromSeconds(61.5), hosts[0].DialTimeout);
        Assert.Equal(["X-One: 1", "X-Many: 2", "X-Many: 3"], hosts[0].Headers.Select(h => $"{h.Key}: {h.Value}"));
        Assert.Equal(HostCapabilities.Pull | HostCapabilities.Resolve, hosts[0].Capabilities);
        Assert.Equal(HostCapabilities.Pull, hosts[1].Capabilities);
        Assert.Equal([false, true, false, false, false], hosts.Select(h => h.SkipVerify));
        Assert.Equal([new ClientPair("/etc/crisp/certs.d/registry.example/pair.pem", null)], hosts[1].ClientPairs);
        Assert.Equal(["/etc/ssl/one.pem"], hosts[4].Authorities);
    }

    [Fact]
    public void FileWithoutServer_EndsWithTheRegistryItself()
    {
        var hosts = HostsFile.Parse("[host.\"https://mirror.example\"]\n", Path, "docker.io");
        Assert.Equal(["https://mirror.example/v2", "https://registry-1.docker.io/v2"], hosts.Select(h => h.Url.AbsoluteUri));
        Assert.True(hosts[1].IsServer);
    }

    [Fact]
    public void EverythingThatIsWrong_IsNamedAtOnce()
    {
        var error = Assert.Throws<ImageException>(() => HostsFile.Parse(
            """
            sever = "https://registry.example"
            skip_verify = "yes"
            [host."https://mirror.example"]
            capabilites = ["pull"]
            capabilities = ["pul"]
            dial_timeout = "3 seconds"
            client = [["a", "b", "c"]]
            ca = 7
            header = { "X-Evil" = "a\r\nb" }
            [host."ftp://x.example"]
            """,
            Path,
            "registry.example"));
        Assert.Equal(ImageError.Configuration, error.Kind);
        Assert.StartsWith(Path, error.Message, StringComparison.Ordinal);
        Assert.All(
            (string[])
            [
                "the key sever is not known", "server", "skip_verify must be true or false", "host.\"https://mirror.example\".capabilites is not known",
                "\"pul\"; there are pull, resolve and push", "\"3 seconds\"", "3 files together", "ca must be a string", "X-Evil is no HTTP header",
                "\"ftp://x.example\" is not a URL",
            ],
            text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("server = ")]
    [InlineData("[host]\n[host]\n")]
    [InlineData("server = \"a\"\nserver = \"b\"\n")]
    [InlineData("\0")]
    public void WhatIsNotToml_IsRefusedWithItsName(string text)
    {
        var error = Assert.Throws<ImageException>(() => HostsFile.Parse(text, Path, "registry.example"));
        Assert.Equal(ImageError.Configuration, error.Kind);
        Assert.Contains(Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("3s", 3)]
    [InlineData("1.5h", 5400)]
    [InlineData("1m30s", 90)]
    [InlineData("250ms", 0.25)]
    public void Duration_IsGos(string text, double seconds)
    {
        Assert.True(GoDuration.TryParse(text, out var duration));
        Assert.Equal(seconds, duration.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("")]
    [InlineData("3")]
    [InlineData("s")]
    [InlineData("-3s")]
    [InlineData("0s")]
    [InlineData("1e9h")]
    [InlineData("3parsecs")]
    [InlineData("1.2.3s")]
    public void WhatIsNoDuration_IsRefused(string text) => Assert.False(GoDuration.TryParse(text, out _));
}
