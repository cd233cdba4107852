using Crisp.Cgroups.Systemd;
using Crisp.Linux;
using Xunit;

namespace Crisp.Cgroups.Tests.Systemd;

/// <summary>Pods that systemd's driver has made stay when it is no longer the daemon's; their removal asks systemd all the same.</summary>
public sealed class MissingLibraryTests
{
    [Fact]
    public void Questions_AreAnErrorThatNamesTheLibrary()
    {
        Assert.SkipWhen(BusConnection.IsAvailable, "needs a machine without libsystemd");
        var error = Assert.Throws<SystemdException>(() => new SystemdUnits().Stop("x.scope"));
        Assert.Equal(
            "The unit x.scope cannot be stopped: The library libsystemd.so.0 cannot be loaded: ENOENT, no such file or directory", error.Message);
    }
}
