using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>CDI devices as programs in containers see them, from files that come and go while the daemon runs.</summary>
public sealed class DeviceTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Networking.LeaseNetwork _network = new();
    private readonly PodNode _node;

    public DeviceTests()
    {
        Configure("etc", "run");
        _node = new PodNode(_directory.Combine("config.toml"), _network);
    }

    public ValueTask InitializeAsync() => _node.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Device_IsWhatItsSpecificationSays()
    {
        PodNode.Require();
        File.WriteAllText(_directory.Combine("library"), "of the node\n");
        Describe("run", "a.yaml", $"""
            cdiVersion: 1.0.0
            kind: vendor.example/gpu
            containerEdits:
              env: [ALL=every]
              mounts:
                - hostPath: {_directory.Combine("library")}
                  containerPath: /opt/library
                  options: [ro, bind]
            devices:
              - name: "0"
                containerEdits:
                  env: [GPU=0]
                  additionalGids: [4711]
                  deviceNodes:
                    - path: /dev/gpu0
                      hostPath: /dev/zero
                      fileMode: 0640
                      uid: 12
                      gid: 4711
              - name: "1"
                containerEdits:
                  env: [SECOND=1]
                  deviceNodes:
                    - path: /dev/gpu1
                      type: c
                      major: 1
                      minor: 11
                      permissions: w
            """);
        var pod = await _node.RunPodAsync();
        var (_, output) = await _node.OutputAsync(
            pod,
            [
                "sh", "-c",
                "stat -c '%F %t:%T %a %u:%g' /dev/gpu0; head -c 3 /dev/gpu0 | wc -c; (exec 3< /dev/gpu1) 2>&1; exec 3> /dev/gpu1 && echo open; "
                    + "cat /opt/library; (echo > /opt/library) 2>&1; echo $ALL $GPU $SECOND; id -G",
            ],
            c =>
            {
                c.CDIDevices.Add(new CDIDevice { Name = "vendor.example/gpu=0" });

                // As device plugins told kubelets before 1.29.
                c.Annotations["cdi.k8s.io/plugin_1"] = "vendor.example/gpu=1";
            });
        Assert.Equal(
            "character special file 1:5 640 12:4711\n3\nsh: can't open /dev/gpu1: Operation not permitted\nopen\n"
            + "of the node\nsh: can't create /opt/library: Read-only file system\nevery 0 1\n0 4711",
            output);
    }

    [Fact]
    public async Task UnknownDevice_IsRefusedAndKnownOnceAFileHasIt()
    {
        PodNode.Require();
        var pod = await _node.RunPodAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => _node.CreateAsync(pod, ["true"], Ask));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(
            $"There is no CDI device vendor.example/gpu=0: no specification in {_directory.Combine("etc")} or {_directory.Combine("run")} has it.",
            error.Status.Detail);

        Assert.Equal("first", await GpuAsync("etc", "first"));
        Assert.Equal("second", await GpuAsync("etc", "second"));
        Assert.Equal("third", await GpuAsync("run", "third"));

        // What cannot be used is told, and the rest goes on.
        Describe("run", "broken.json", "{");
        Assert.Equal("third", await GpuAsync("run", "third"));
        Assert.Contains($"The CDI specification {_directory.Combine("run/broken.json")} cannot be used: ", _node.Daemon.Log, StringComparison.Ordinal);

        // Two of one priority are none.
        Describe("run", "twice.json", Gpu("fourth"));
        error = await Assert.ThrowsAsync<RpcException>(() => _node.CreateAsync(pod, ["true"], Ask));
        Assert.Contains("run/gpu.json and by ", error.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("one directory may have it only once", error.Status.Detail, StringComparison.Ordinal);

        async Task<string> GpuAsync(string directory, string value)
        {
            Describe(directory, "gpu.json", Gpu(value));
            return (await _node.OutputAsync(pod, ["sh", "-c", "echo $GPU"], Ask)).Output;
        }
    }

    [Fact]
    public async Task Directories_CanChangeWhileTheDaemonRuns()
    {
        PodNode.Require();
        var pod = await _node.RunPodAsync();
        Describe("other", "gpu.json", Gpu("other"));
        await Assert.ThrowsAsync<RpcException>(() => _node.CreateAsync(pod, ["true"], Ask));
        Configure("other");
        Linux.Processes.Kill(_node.Daemon.ProcessId, Linux.Signals.Hangup);
        for (var tries = 0; tries < 1000 && !_node.Daemon.Log.Contains("changed: cdi.spec_dirs", StringComparison.Ordinal); tries++)
        {
            await Task.Delay(20);
        }

        Assert.Equal("other", (await _node.OutputAsync(pod, ["sh", "-c", "echo $GPU"], Ask)).Output);
    }

    private static void Ask(ContainerConfig config) => config.CDIDevices.Add(new CDIDevice { Name = "vendor.example/gpu=0" });

    private static string Gpu(string value)
        => $$$"""{"cdiVersion":"0.5.0","kind":"vendor.example/gpu","devices":[{"name":"0","containerEdits":{"env":["GPU={{{value}}}"]}}]}""";

    private void Describe(string directory, string name, string text)
    {
        Directory.CreateDirectory(_directory.Combine(directory));
        File.WriteAllText(Path.Combine(_directory.Combine(directory), name), text);
    }

    private void Configure(params string[] directories) => File.WriteAllText(
        _directory.Combine("config.toml"),
        $"{File.ReadAllText(_network.ConfigFile)}[cdi]\nspec_dirs = [{string.Join(", ", directories.Select(d => $"\"{_directory.Combine(d)}\""))}]\n");
}
