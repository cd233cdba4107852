using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Networking;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A daemon with an image, and short ways to its calls. Its disposal fails when anything of it is left on the node.</summary>
public sealed class PodNode : CriCalls, IAsyncLifetime
{
    private readonly string _configFile;

    public PodNode()
    {
        Network = new LeaseNetwork();
        _configFile = Network.ConfigFile;
    }

    /// <param name="configFile">A configuration with another network than <see cref="Network"/>, or with more than that.</param>
    /// <param name="network">Of the configuration, if it is one that gives leases; disposed with this.</param>
    internal PodNode(string configFile, LeaseNetwork? network = null) => (_configFile, Network) = (configFile, network ?? new LeaseNetwork());

    /// <summary>The network of pods that are not on the node's.</summary>
    internal LeaseNetwork Network { get; }

    /// <summary>What comes before the daemon's first start.</summary>
    internal Action<CrispDaemon> Prepare { get; init; } = _ => { };

    public CrispDaemon Daemon { get; private set; } = null!;

    public override RuntimeService.RuntimeServiceClient Runtime => Daemon.Runtime;

    /// <summary>A cgroup parent of this node's own, so that what is left in it is ours.</summary>
    public override string CgroupParent { get; } = TestCgroups.Parent($"crisp-test-{Guid.NewGuid():N}"[..20]);

    public override string LogDirectory(string pod) => Path.Combine(Daemon.Scratch, "logs", pod);

    public async ValueTask InitializeAsync()
    {
        if (Available())
        {
            Daemon = await CrispDaemon.StartAsync(Prepare, "--config", _configFile);
            await ImportAsync(new TestImage(TestImage.Busybox));
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var network = Network;
        if (Daemon is null)
        {
            return;
        }

        try
        {
            if (Daemon.HasExited)
            {
                await Daemon.StartAgainAsync();
            }

            await Daemon.RemovePodsAsync();
            await Invariants.CheckAsync(this);
            Assert.Empty(Invariants.CgroupsOf(this));
        }
        finally
        {
            await Daemon.DisposeAsync();
            Invariants.RemoveParent(this);
        }
    }

    /// <summary>Skips the calling test where no pod can run.</summary>
    public static void Require()
    {
        CrispBinaries.RequirePods();
        TestImage.RequireBusybox();
    }

    internal async Task ImportAsync(TestImage image)
    {
        var archive = image.WriteTo(Daemon.Scratch);
        await Daemon.ImportAsync(archive, image.Name);
        File.Delete(archive);
    }

    private static bool Available() => Environment.IsPrivilegedProcess && CrispBinaries.Sandbox is not null && File.Exists("/usr/bin/busybox");
}
