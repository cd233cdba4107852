using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>What a container's process sees.</summary>
public sealed class ContainerTests : IDisposable
{
    private readonly LaunchFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Container_IsPidOneOnItsOwnRootWithThePodsName()
    {
        var output = _fixture.Run(Specs.Container("echo $$; hostname; ls /; pwd; echo $HOME"));

        Assert.Equal("1\nweb-0\nbin\ndev\netc\nproc\nsys\ntmp\n/\n/root\n", output);
    }

    [Theory]
    [InlineData("/tmp")]
    [InlineData("/srv")]
    [InlineData("/srv/app/data")]
    public void WorkingDirectory_IsMadeWhereItIsMissing(string directory)
    {
        var spec = Specs.Container("pwd");

        Assert.Equal(directory + "\n", _fixture.Run(spec with { Process = spec.Process with { Cwd = directory } }));
    }
}
