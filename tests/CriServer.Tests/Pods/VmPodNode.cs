using System.Diagnostics;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Networking;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>A daemon whose handler kvm has a guest image that boots.</summary>
/// <remarks>Needs a KVM that runs kernels, the programs of a release, and a kernel with its modules: the test VM has them all.</remarks>
public sealed class VmPodNode : IAsyncLifetime
{
    public const string Handler = "kvm";

    private const string KernelVariable = "CRISP_TEST_KERNEL";
    private readonly TemporaryDirectory _directory = new();
    private readonly LeaseNetwork _network = new();

    public PodNode Node { get; private set; } = null!;

    private static string? Kernel => Environment.GetEnvironmentVariable(KernelVariable);

    public async ValueTask InitializeAsync()
    {
        var config = _directory.Combine("config.toml");
        await File.WriteAllTextAsync(config, $"""
            {await File.ReadAllTextAsync(_network.ConfigFile)}
            [runtimes.{Handler}]
            image_dir = "{Image}"

            """);
        Node = new PodNode(config, _network);
        if (Kernel is not null && File.Exists("/dev/kvm") && CrispBinaries.Sandbox is not null)
        {
            await BuildImageAsync();
            await Node.InitializeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>Skips the calling test where no machine can run.</summary>
    public static void Require()
    {
        PodNode.Require();
        Assert.SkipUnless(Kernel is not null, $"needs {KernelVariable}, and a KVM that runs kernels (the test VM has both)");
        Assert.SkipUnless(File.Exists("/dev/kvm"), "needs /dev/kvm (the test VM has it after modprobe kvm_amd)");
    }

    private string Image => _directory.Combine("guest");

    private async Task BuildImageAsync()
    {
        using var build = Process.Start(new ProcessStartInfo(
            CrispBinaries.Crisp, ["vm", "build", "--kernel", Kernel!, "--init", CrispBinaries.Sandbox!, "--output", Image])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var words = await build.StandardOutput.ReadToEndAsync() + await build.StandardError.ReadToEndAsync();
        await build.WaitForExitAsync();
        Assert.True(build.ExitCode == 0, words);
    }
}
