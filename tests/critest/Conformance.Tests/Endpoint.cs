using Crisp.Conformance.Tests;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Pods;
using Crisp.Images.Tests.Registry;
using Crisp.Network.Tests;
using Crisp.Network.Tests.RealPlugins;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Xunit;

[assembly: AssemblyFixture(typeof(Endpoint))]

namespace Crisp.Conformance.Tests;

/// <summary>
/// The runtime that is tested: the one whose socket CRI_ENDPOINT names (<c>unix:///run/containerd/containerd.sock</c>), else a
/// crisp of its own with CNI's real plugins in a network namespace that they take for the node's. Beside it a registry on the
/// loopback, from which the runtime pulls as from any other.
/// </summary>
public sealed class Endpoint : IAsyncLifetime
{
    /// <summary>The repository of the image that containers have which ask for no other.</summary>
    internal const string Busybox = "conformance/busybox";

    private const string Slice = "crisp_conformance.slice";

    private readonly string? _external = Environment.GetEnvironmentVariable("CRI_ENDPOINT");
    private readonly TemporaryDirectory _directory = new();

    /// <summary>The runtime handler of pods that name no other (CRI_RUNTIME_HANDLER); empty is the runtime's default.</summary>
    internal string Handler { get; } = Environment.GetEnvironmentVariable("CRI_RUNTIME_HANDLER") ?? "";

    /// <summary>Whether its pods are virtual machines: of crisp's handlers, all that have a name are.</summary>
    internal bool IsMachine => Handler.Length > 0;

    private TestNode? _node;
    private CrispDaemon? _daemon;
    private GrpcChannel? _channel;

    /// <summary>Whether the runtime is another than this checkout's, which may be older than the newest rules.</summary>
    internal bool IsExternal => _external is not null;

    internal FakeRegistry Registry { get; private set; } = null!;

    /// <summary>The image's name, for containers.</summary>
    internal string Image => $"{Registry.Name}/{Busybox}:1";

    internal string CgroupParent { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        if (!IsExternal && (!Environment.IsPrivilegedProcess || CrispBinaries.Sandbox is null || !File.Exists("/usr/bin/busybox")))
        {
            return;
        }

        Registry = await FakeRegistry.StartAsync();
        Serve(new TestImage("busybox"), Busybox, "1");
        if (IsExternal)
        {
            _channel = DaemonChannel.Open(_external!.Replace("unix://", "", StringComparison.Ordinal));
        }
        else
        {
            _node = new TestNode();
            if (IsMachine)
            {
                await BuildGuestAsync();
            }

            _daemon = await CrispDaemon.StartAsync("--config", WriteConfiguration(_node));
            _channel = _daemon.Channel;
        }

        var cri = Connect();
        var driver = (await cri.Runtime.RuntimeConfigAsync(new RuntimeConfigRequest())).Linux.CgroupDriver;
        CgroupParent = driver == CgroupDriver.Systemd ? "/" + Slice : "";
        await cri.PullAsync(Image);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_channel is not null)
            {
                await Connect().Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = Image } });
            }
        }
        finally
        {
            await EndAsync();
        }
    }

    private async Task EndAsync()
    {
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }
        else
        {
            _channel?.Dispose();
        }

        if (Registry is not null)
        {
            await Registry.DisposeAsync();
        }

        if (CgroupParent.Length > 0)
        {
            TestCgroups.StopSlice(Slice);
        }

        var remains = _node?.Remains ?? [];
        _node?.Dispose();
        _directory.Dispose();
        Assert.Empty(remains);
    }

    /// <summary>Skips the calling test where there is nothing to test.</summary>
    internal void Require()
    {
        if (!IsExternal)
        {
            CrispBinaries.RequirePods();
            TestImage.RequireBusybox();
        }
    }

    /// <param name="lie">What stands between the caller and the runtime, if anything.</param>
    internal Cri Connect(Interceptor? lie = null)
    {
        var invoker = _channel!.CreateCallInvoker();
        return new Cri(lie is null ? invoker : invoker.Intercept(lie), this, _directory);
    }

    /// <summary>Serves an image under further tags.</summary>
    /// <returns>The manifest's digest.</returns>
    internal string Serve(TestImage image, string repository, params string[] tags)
    {
        var (manifest, blobs) = image.Documents();
        foreach (var blob in blobs)
        {
            Registry.Content[$"/v2/{repository}/blobs/{TestImage.Digest(blob)}"] = new Served(blob);
        }

        var digest = TestImage.Digest(manifest);
        foreach (var reference in tags.Append(digest))
        {
            Registry.Content[$"/v2/{repository}/manifests/{reference}"] = new Served(manifest, TestImage.ManifestType, digest);
        }

        return digest;
    }

    /// <summary>What a web server answers, asked from the node's network.</summary>
    internal async Task<string> GetAsync(string url)
    {
        if (_node is not null)
        {
            return _node.Host.TryShell($"timeout 5 busybox wget -qO- {url}").Output;
        }

        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        try
        {
            return await client.GetStringAsync(new Uri(url));
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
    }

    private string WriteConfiguration(TestNode node)
    {
        var conf = Directory.CreateDirectory(_directory.File("net.d")).FullName;
        var network = node.Config("1.0.0", """{"type":"portmap","capabilities":{"portMappings":true},"snat":true}""");
        File.WriteAllText(Path.Combine(conf, "10-conformance.conflist"), network.ToJson().GetRawText());
        var file = _directory.File("config.toml");
        File.WriteAllText(file, $"""
            [cni]
            conf_dir = "{conf}"
            bin_dirs = ["{node.Options.BinDirectories[0]}"]
            [runtimes.kvm]
            image_dir = "{_directory.File("guest")}"
            memory = "128M"

            """);
        return file;
    }

    /// <summary>What virtual machines start, with the kernel that CRISP_TEST_KERNEL names.</summary>
    private async Task BuildGuestAsync()
    {
        var kernel = Environment.GetEnvironmentVariable("CRISP_TEST_KERNEL");
        var (code, output, errors) = await CrispProcess.RunAsync(
            ["vm", "build", "--init", CrispBinaries.Sandbox!, "--output", _directory.File("guest"), .. kernel is null ? [] : new[] { "--kernel", kernel }]);
        Assert.True(code == 0, output + errors);
    }
}
