using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.CommandLine.Run;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class RunArgumentsTests
{
    [Theory]
    [InlineData("8080:80", "", 8080, 80, Protocol.Tcp)]
    [InlineData("127.0.0.1:53:5353/udp", "127.0.0.1", 53, 5353, Protocol.Udp)]
    [InlineData("[::1]:1:65535/SCTP", "::1", 1, 65535, Protocol.Sctp)]
    public void Port_IsRead(string text, string ip, int host, int container, Protocol protocol)
        => Assert.Equal(
            new PortMapping { HostIp = ip, HostPort = host, ContainerPort = container, Protocol = protocol }, RunArguments.Port(text));

    [Theory]
    [InlineData("80")]
    [InlineData("80:")]
    [InlineData("0:80")]
    [InlineData("80:65536")]
    [InlineData("+8:80")]
    [InlineData("host:80:80")]
    [InlineData("80:80/icmp")]
    public void PortThatIsNone_IsNamed(string text)
        => Assert.StartsWith($"-p {text}: ", Assert.Throws<CommandException>(() => RunArguments.Port(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Volume_WithOptions_IsRead()
    {
        var mount = RunArguments.Volume("data:/data:rro,noexec,rslave");

        Assert.Equal(Path.GetFullPath("data"), mount.HostPath);
        Assert.Equal("/data", mount.ContainerPath);
        Assert.True(mount.Readonly && mount.RecursiveReadOnly);
        Assert.Equal(["noexec"], mount.MountOptions);
        Assert.Equal(MountPropagation.PropagationHostToContainer, mount.Propagation);
    }

    [Theory]
    [InlineData("/data")]
    [InlineData("/a:b")]
    [InlineData("/a:/b:wo")]
    [InlineData(":/b")]
    [InlineData("/a:/b:ro:x")]
    public void VolumeThatIsNone_IsNamed(string text)
        => Assert.StartsWith($"-v {text}: ", Assert.Throws<CommandException>(() => RunArguments.Volume(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("64m", 64L << 20)]
    [InlineData("1GiB", 1L << 30)]
    [InlineData("2Kb", 2048)]
    public void Bytes_AreRead(string text, long expected) => Assert.Equal(expected, RunArguments.Bytes(text));

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("9999999999g")]
    [InlineData("1.5g")]
    public void BytesThatAreNone_AreRefused(string text) => Assert.Throws<CommandException>(() => RunArguments.Bytes(text));

    [Fact]
    public void Variable_WithoutValue_TakesTheCallersOwn()
    {
        Assert.Equal(Environment.GetEnvironmentVariable("PATH"), RunArguments.Variable("PATH").Value.ToStringUtf8());
        Assert.Equal("a=b", RunArguments.Variable("X=a=b").Value.ToStringUtf8());
        Assert.Throws<CommandException>(() => RunArguments.Variable("CRISP_NO_SUCH_VARIABLE"));
        Assert.Throws<CommandException>(() => RunArguments.Variable("=x"));
    }

    [Theory]
    [InlineData("registry.example:5000/team/web:1", "web")]
    [InlineData("busybox", "busybox")]
    [InlineData("a/b@sha256:00", "b")]
    public void ContainerName_IsTheImages(string image, string expected)
        => Assert.Equal(expected, RunConfigs.ContainerName(new RunSettings { Image = image }));

    [Fact]
    public void Pod_IsAsLargeAsItsContainer()
    {
        var settings = new RunSettings { Image = "busybox", Memory = "1g" };

        Assert.Equal(1 << 30, RunConfigs.Pod(settings, RunNetwork.Pod, "/logs").Linux.Resources.MemoryLimitInBytes);
        Assert.Equal(RunConfigs.Container(settings, RunNetwork.Pod).Linux.Resources, RunConfigs.Pod(settings, RunNetwork.Pod, "/logs").Linux.Resources);
    }

    [Fact]
    public void User_IsSplitAsCriHasIt()
    {
        var security = new LinuxContainerSecurityContext();
        RunArguments.User("1000:50", security);
        Assert.Equal((1000, 50), (security.RunAsUser.Value, security.RunAsGroup.Value));

        security = new LinuxContainerSecurityContext();
        RunArguments.User("www-data", security);
        Assert.Equal("www-data", security.RunAsUsername);
        Assert.Throws<CommandException>(() => RunArguments.User("a:staff", security));
    }
}
