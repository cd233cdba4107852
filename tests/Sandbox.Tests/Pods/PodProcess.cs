using System.Diagnostics;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>
/// A real pod's process, started as the daemon starts it. Its disposal shuts it down, and fails when a process or a cgroup of
/// it is left.
/// </summary>
internal sealed class PodProcess : IAsyncDisposable
{
    private static readonly string _program =
        Path.Combine(Environment.GetEnvironmentVariable("CRISP_BIN_DIR") ?? AppContext.BaseDirectory, "crisp-sandbox");

    private static readonly ICgroupManager _cgroups = CgroupManager.Detect();
    private readonly SandboxLauncher _launcher;
    private readonly TemporaryDirectory _directory = new();
    private readonly TestRootfs _rootfs;

    private PodProcess(SandboxLauncher launcher)
    {
        _launcher = launcher;
        Id = Hex();
        RunDirectory = Directory.CreateDirectory(_directory.File("run"), (UnixFileMode)0x1C0).FullName;
        LogDirectory = Directory.CreateDirectory(_directory.File("logs")).FullName;
        _rootfs = new TestRootfs(_directory.File("rootfs"));
        Spec = new SandboxSpec { Id = Id, CgroupPath = $"crisp-test-{Id[..12]}" };
    }

    public string Id { get; }

    public string RunDirectory { get; }

    public string LogDirectory { get; }

    public string Scratch => _directory.Path;

    public SandboxSpec Spec { get; private set; }

    public SandboxProcess Process { get; private set; } = null!;

    public SandboxClient Client { get; private set; } = null!;

    public string SocketPath => Path.Combine(RunDirectory, "sandbox.sock");

    /// <summary>What the process had to say.</summary>
    public string Words => File.ReadAllText(Path.Combine(RunDirectory, "stderr"));

    /// <summary>Skips the calling test where no pod can run.</summary>
    public static void Require()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Pods need root.");
        Assert.SkipUnless(File.Exists(TestRootfs.Busybox), "busybox-static is not installed.");
    }

    /// <summary>Launches the process, and starts the pod unless told otherwise.</summary>
    public static async Task<PodProcess> StartAsync(Func<SandboxSpec, SandboxSpec>? change = null, bool start = true)
    {
        Require();
        var pod = new PodProcess(SandboxLauncher.Open(_program));
        pod.Spec = change?.Invoke(pod.Spec) ?? pod.Spec;

        // A development build takes its time to compile itself on a busy machine.
        var options = new SandboxClientOptions { CallTimeout = TimeSpan.FromSeconds(60) };
        (pod.Process, pod.Client) = await pod._launcher.LaunchAsync(new SandboxLaunch(pod.Id, pod.RunDirectory), options);
        if (start)
        {
            await pod.Client.StartAsync(pod.Spec);
        }

        return pod;
    }

    /// <summary>Another client, as a restarted daemon is one.</summary>
    public Task<SandboxClient> ConnectAsync() => SandboxClient.ConnectAsync(SocketPath, new SandboxClientOptions { ExpectedPid = Process.Pid });

    /// <summary>The daemon has died, and there is a new one.</summary>
    public async Task<SandboxClient> ReconnectAsync()
    {
        await Client.DisposeAsync();
        return Client = await ConnectAsync();
    }

    public ContainerSpec Container(params string[] command)
    {
        var id = Hex();
        return new ContainerSpec
        {
            Id = id,
            CgroupPath = $"{Spec.CgroupPath}/{id}",
            Process = Command(command),
            Root = new RootSpec { Source = new BindSource(_rootfs.Path) },
            Mounts = [new MountSpec { Target = "/proc", Source = new KernelSource("proc") }],
            DeviceRules = [new DeviceRuleSpec(true, 'a', null, null, "rwm")],
            Log = new LogSpec(LogDirectory, $"{id}.log"),
        };
    }

    /// <summary>With what a terminal needs.</summary>
    public static ContainerSpec WithDevpts(ContainerSpec spec)
        => spec with { Mounts = [.. spec.Mounts, new MountSpec { Target = "/dev/pts", Source = new KernelSource("devpts") }] };

    public static ProcessSpec Command(params string[] command) => new()
    {
        Args = command,
        Env = ["PATH=/bin"],
        Capabilities = new CapabilitiesSpec { Bounding = ["CAP_KILL"], Permitted = ["CAP_KILL"], Effective = ["CAP_KILL"] },
    };

    public async Task<ContainerSpec> CreateAsync(ContainerSpec spec, params FileDescriptor[] mounts)
    {
        using var rootfs = _rootfs.Open();
        await Client.CreateContainerAsync(spec, [rootfs, .. mounts]);
        return spec;
    }

    /// <summary>Creates and starts.</summary>
    public async Task<string> LaunchAsync(ContainerSpec spec)
    {
        await CreateAsync(spec);
        await Client.StartContainerAsync(spec.Id);
        return spec.Id;
    }

    public Task<string> LaunchAsync(params string[] command) => LaunchAsync(Container(command));

    /// <summary>Runs a container to its end.</summary>
    public async Task<(ExitInfo Exit, string[] Lines)> RunAsync(ContainerSpec spec)
    {
        var exit = await Client.WaitAsync(await LaunchAsync(spec)).WaitAsync(TimeSpan.FromSeconds(60));
        return (exit, Log(spec.Id));
    }

    public Task<(ExitInfo Exit, string[] Lines)> RunAsync(params string[] command) => RunAsync(Container(command));

    /// <summary>The log's lines without their time.</summary>
    public string[] Log(string container) => [.. File.ReadAllLines(LogPath(container)).Select(l => l[31..])];

    public string LogPath(string container) => Path.Combine(LogDirectory, $"{container}.log");

    /// <summary>Runs a command in a container to its end.</summary>
    public async Task<(int Code, string Stdout, string Stderr)> ExecAsync(string container, params string[] command)
    {
        using var session = await Client.ExecAsync(container, Hex()[..16], Command(command), new ExecStreams(false, true, true));
        var (stdout, stderr) = (ReadAsync(session.Stdout!), ReadAsync(session.Stderr!));
        var exit = await session.WaitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return (exit.ExitCode, await stdout, await stderr);
    }

    /// <summary>Open descriptors of the process. A development build holds each assembly that it has loaded.</summary>
    public int CountDescriptors() => Directory.GetFileSystemEntries($"/proc/{Process.Pid}/fd")
        .Count(f => new FileInfo(f).LinkTarget is { } target && !target.EndsWith(".dll", StringComparison.Ordinal));

    public static async Task<string> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Asks until it is so.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{what} did not come about.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!Process.HasEnded)
            {
                await Client.ShutdownAsync();
            }

            Assert.True(Process.WaitForEnd(TimeSpan.FromSeconds(30)), "The process is still there.");
            Assert.False(_cgroups.Open(CgroupPath.Parse(Spec.CgroupPath)).Exists, "The pod's cgroup is still there.");
        }
        finally
        {
            Process.Kill();
            await Client.DisposeAsync();
            Process.Dispose();
            _launcher.Dispose();
            _directory.Dispose();
        }
    }

    private static string Hex() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
}
