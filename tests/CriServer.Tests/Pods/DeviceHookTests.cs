using System.Diagnostics;
using System.Text.Json;
using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Hooks of CDI devices, from the file to what they do to a container.</summary>
public sealed class DeviceHookTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Networking.LeaseNetwork _network = new();
    private readonly PodNode _node;

    public DeviceHookTests()
    {
        Directory.CreateDirectory(_directory.Combine("cdi"));
        File.WriteAllText(_directory.Combine("config.toml"), $"{File.ReadAllText(_network.ConfigFile)}[cdi]\nspec_dirs = [\"{_directory.Combine("cdi")}\"]\n");
        _node = new PodNode(_directory.Combine("config.toml"), _network);
    }

    public ValueTask InitializeAsync() => _node.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Ldconfig_FindsTheDevicesLibrariesInTheContainer()
    {
        PodNode.Require();
        Assert.SkipUnless(File.Exists("/sbin/ldconfig"), "There is no ldconfig on this machine.");
        var library = Directory.EnumerateFiles("/lib/x86_64-linux-gnu", "libc.so.6").FirstOrDefault() ?? Directory.EnumerateFiles("/lib64", "libc.so.6").First();
        File.WriteAllText(Path.Combine(_directory.Combine("cdi"), "gpu.yaml"), $"""
            cdiVersion: 1.0.0
            kind: vendor.example/gpu
            devices:
              - name: "0"
                containerEdits:
                  mounts:
                    - hostPath: {library}
                      containerPath: /usr/lib/gpu/libgpu.so.6
                      options: [ro, bind]
                  hooks:
                    - hookName: createContainer
                      path: /bin/sh
                      args: [sh, -c, "cp config.json {_directory.Path}; mkdir -p rootfs/etc; echo /usr/lib/gpu > rootfs/etc/ld.so.conf; exec /sbin/ldconfig -r rootfs"]
            """);
        var pod = await _node.RunPodAsync();
        var container = await _node.LaunchAsync(pod, ["sh", "-c", "grep -c /usr/lib/gpu/libc.so.6 /etc/ld.so.cache; ls /usr/lib/gpu"], c =>
        {
            Ask(c);
            c.Annotations["who"] = "asks";
        });
        var status = await _node.EndAsync(container);
        Assert.Equal("1\nlibc.so.6\nlibgpu.so.6", PodNode.Log(status));

        using var config = JsonDocument.Parse(File.ReadAllText(_directory.Combine("config.json")));
        var root = config.RootElement;
        Assert.Equal("rootfs", root.GetProperty("root").GetProperty("path").GetString());
        Assert.Equal("asks", root.GetProperty("annotations").GetProperty("who").GetString());
        Assert.Contains(root.GetProperty("mounts").EnumerateArray(), m => m.GetProperty("destination").GetString() == "/usr/lib/gpu/libgpu.so.6");
        Assert.Equal("sh", root.GetProperty("process").GetProperty("args")[0].GetString());
        await _node.RemoveAsync(container);
        Assert.False(Directory.Exists(Path.Combine(_node.Daemon.Root, "containers", container)));
    }

    [Fact]
    public async Task FailingHook_IsTheEndOfTheContainerWithItsWords()
    {
        PodNode.Require();
        Describe(Hook("createContainer", "echo no GPU here >&2; exit 4"), Hook("poststop", $"cat > {_directory.Combine("stopped")}"));
        var pod = await _node.RunPodAsync();
        var container = await _node.CreateAsync(pod, ["true"], Ask);
        var error = await Assert.ThrowsAsync<RpcException>(() => _node.StartAsync(container));
        const string Expected = "The createContainer hook /bin/sh failed with exit code 4: no GPU here";
        Assert.Equal((StatusCode.FailedPrecondition, $"The container {container} cannot be started: {Expected}"), (error.StatusCode, error.Status.Detail));
        var status = await _node.StatusAsync(container);
        Assert.Equal((ContainerState.ContainerExited, 128, Expected), (status.State, status.ExitCode, status.Message));
        Assert.Equal("stopped", State("stopped").GetProperty("status").GetString());

        // The pod is none the worse for it.
        Assert.Equal("fine", (await _node.OutputAsync(pod, ["echo", "fine"])).Output);
    }

    [Fact]
    public async Task HooksAroundTheLife_SeeItBeginAndEnd()
    {
        PodNode.Require();
        Describe(
            Hook("createRuntime", $"cat > {_directory.Combine("creating")}"),
            Hook("poststart", $"cat > {_directory.Combine("started")}; readlink /proc/self/ns/mnt >> {_directory.Combine("mnt")}; echo ignored >&2; exit 1"),
            Hook("poststop", $"sleep 1; cat > {_directory.Combine("stopped")}"));
        var container = await _node.LaunchAsync(await _node.RunPodAsync(), ["sleep", "1000"], Ask);
        Assert.Equal("creating", State("creating").GetProperty("status").GetString());
        Assert.Equal("running", State("started").GetProperty("status").GetString());
        Assert.Equal(Invariants.PidOf(_node, container), State("started").GetProperty("pid").GetInt32());
        Assert.Equal(new FileInfo("/proc/self/ns/mnt").LinkTarget, File.ReadAllText(_directory.Combine("mnt")).Trim());
        Assert.False(File.Exists(_directory.Combine("stopped")));
        await _node.StopAsync(container);

        // Whoever hears of the end finds that the device was given back.
        Assert.Equal(ContainerState.ContainerExited, (await _node.StatusAsync(container)).State);
        Assert.Equal((container, "stopped"), (State("stopped").GetProperty("id").GetString(), State("stopped").GetProperty("status").GetString()));
        Assert.False(State("stopped").TryGetProperty("pid", out _));
    }

    [Fact]
    public async Task StartContainerHook_IsRefused()
    {
        PodNode.Require();
        Describe(Hook("startContainer", "true"));
        var pod = await _node.RunPodAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => _node.CreateAsync(pod, ["true"], Ask));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("The startContainer hook /bin/sh of a CDI device cannot be run: ", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PodWithUserNamespace_HasHooksToo()
    {
        PodNode.Require();
        Describe(Hook("createContainer", "cd rootfs && echo made > made && mkdir -p mnt && mount -t tmpfs none mnt && echo mounted > mnt/file"));
        var user = new UserNamespace
        {
            Mode = NamespaceMode.Pod,
            Uids = { new IDMapping { ContainerId = 0, HostId = 300000, Length = 65536 } },
            Gids = { new IDMapping { ContainerId = 0, HostId = 300000, Length = 65536 } },
        };
        var pod = await _node.RunPodAsync(c => c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = user);
        var (_, output) = await _node.OutputAsync(pod, ["sh", "-c", "cat /made /mnt/file; stat -c %u /made; cat /proc/self/uid_map"], c =>
        {
            Ask(c);
            c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = user;
        });
        Assert.Matches(@"^made\nmounted\n65534\n +0 +300000 +65536$", output);
    }

    [Theory]
    [InlineData("createRuntime")]
    [InlineData("createContainer")]
    [InlineData("poststart")]
    public async Task HangingHook_DoesNotHoldUpTheEndOfThePod(string phase)
    {
        PodNode.Require();
        Describe(Hook(phase, $"echo > {_directory.Combine("begun")}; sleep 300", timeout: 300));
        var pod = await _node.RunPodAsync();
        var container = await _node.CreateAsync(pod, ["sleep", "1000"], Ask);
        var start = _node.StartAsync(container);
        for (var tries = 0; tries < 1000 && !File.Exists(_directory.Combine("begun")); tries++)
        {
            await Task.Delay(20);
        }

        var clock = Stopwatch.StartNew();
        await _node.StopPodAsync(pod);
        if (phase == "poststart")
        {
            await start;
        }
        else
        {
            await Assert.ThrowsAsync<RpcException>(() => start);
        }

        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20);
        await _node.RemovePodAsync(pod);
    }

    private static void Ask(ContainerConfig config) => config.CDIDevices.Add(new CDIDevice { Name = "vendor.example/gpu=0" });

    private static string Hook(string phase, string script, int timeout = 20)
        => JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["hookName"] = phase,
            ["path"] = "/bin/sh",
            ["args"] = (string[])["sh", "-c", script],
            ["timeout"] = timeout,
        });

    private void Describe(params string[] hooks) => File.WriteAllText(
        Path.Combine(_directory.Combine("cdi"), "gpu.json"),
        $$$"""{"cdiVersion":"1.0.0","kind":"vendor.example/gpu","devices":[{"name":"0","containerEdits":{"hooks":[{{{string.Join(',', hooks)}}}]}}]}""");

    private JsonElement State(string file) => JsonDocument.Parse(File.ReadAllText(_directory.Combine(file))).RootElement;
}
