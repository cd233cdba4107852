using Crisp.Images.Registry.Hosts;
using Xunit;

namespace Crisp.Images.Tests.Registry.Hosts;

public sealed class HostsDirectoriesTests
{
    [Theory]
    [InlineData("docker.io", "https://registry-1.docker.io/v2", false, false)]
    [InlineData("quay.io", "https://quay.io/v2", false, false)]
    [InlineData("registry.example:5000", "https://registry.example:5000/v2", false, false)]
    [InlineData("localhost", "https://localhost/v2", false, false)]
    [InlineData("localhost:80", "http://localhost/v2", false, false)]
    [InlineData("localhost:5000", "https://localhost:5000/v2", true, true)]
    [InlineData("127.0.0.1:5000", "https://127.0.0.1:5000/v2", true, true)]
    [InlineData("127.8.9.1:5000", "https://127.8.9.1:5000/v2", true, true)]
    [InlineData("[::1]:5000", "https://[::1]:5000/v2", true, true)]
    [InlineData("localhost.example:5000", "https://localhost.example:5000/v2", false, false)]
    public void WithoutFiles_ContainerdsDefaultsHold(string registry, string url, bool skipVerify, bool mayBePlain)
    {
        var host = Assert.Single(HostsDirectories.Find([], registry));
        Assert.Equal((url, skipVerify, mayBePlain, true), (host.Url.AbsoluteUri, host.SkipVerify, host.MayBePlain, host.IsServer));
    }

    [Theory]
    [InlineData("registry.example_5000_", "registry.example:5000")]
    [InlineData("registry.example:5000", "registry.example:5000")]
    [InlineData("registry.example", "registry.example")]
    [InlineData("_default", "registry.example")]
    [InlineData("_default", "registry.example:5000")]
    public void Directory_IsFoundInAllItsForms(string directory, string registry)
    {
        using var folder = new HostsFolder();
        folder.Write(directory, "server = \"https://found.example\"\n");
        Assert.Equal("https://found.example/v2", Assert.Single(HostsDirectories.Find([folder.Path], registry)).Url.AbsoluteUri);
    }

    [Fact]
    public void OwnDirectory_IsBeforeTheDefault_AndTheFirstFolderBeforeTheSecond()
    {
        using var first = new HostsFolder();
        using var second = new HostsFolder();
        first.Write("_default", "server = \"https://default.example\"\n");
        first.Write("registry.example", "server = \"https://first.example\"\n");
        second.Write("registry.example", "server = \"https://second.example\"\n");
        Assert.Equal("https://first.example/v2", HostsDirectories.Find([first.Path, second.Path], "registry.example")[0].Url.AbsoluteUri);
        Assert.Equal("https://second.example/v2", HostsDirectories.Find(["/none", second.Path], "registry.example")[0].Url.AbsoluteUri);
    }

    [Fact]
    public void DockersCertificateFiles_AreUnderstood()
    {
        using var folder = new HostsFolder();
        var authority = folder.Write("registry.example", "", "ca.crt");
        var certificate = folder.Write("registry.example", "", "client.cert");
        var key = folder.Write("registry.example", "", "client.key");
        var host = Assert.Single(HostsDirectories.Find([folder.Path], "registry.example"));
        Assert.Equal([authority], host.Authorities);
        Assert.Equal([new ClientPair(certificate, key)], host.ClientPairs);
        Assert.Equal("https://registry.example/v2", host.Url.AbsoluteUri);
    }
}
