using System.Diagnostics;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>A pod of either kind, as the daemon has it.</summary>
internal abstract class TestPod : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly TestRootfs _rootfs;

    protected TestPod()
    {
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

    public SandboxSpec Spec { get; protected set; }

    public SandboxClient Client { get; protected set; } = null!;

    public string SocketPath => Path.Combine(RunDirectory, "sandbox.sock");

    /// <summary>Skips the calling test where no pod can run.</summary>
    public static void Require()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Pods need root.");
        Assert.SkipUnless(File.Exists(TestRootfs.Busybox), "busybox-static is not installed.");
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

    /// <summary>All that it needs but its mounts is opened here, as the daemon does.</summary>
    public async Task<ContainerSpec> CreateAsync(ContainerSpec spec, params FileDescriptor[] mounts)
    {
        using var rootfs = _rootfs.Open();
        var disks = (spec.Disks ?? []).Where(d => d.Source is BlockDeviceSource)
            .Select(d => Files.Open(((BlockDeviceSource)d.Source).Path, d.IsReadOnly ? OpenFlags.ReadOnly : OpenFlags.ReadWrite)).ToArray();
        try
        {
            if (Spec.Vm is null || spec.Log is null)
            {
                await Client.CreateContainerAsync(spec, [rootfs, .. mounts, .. disks]);
                return spec;
            }

            using var logs = Mounts.CloneDirectory(FileDescriptor.CurrentDirectory, spec.Log.Directory);
            spec = spec with { Log = spec.Log with { HasDescriptor = true } };
            await Client.CreateContainerAsync(spec, [rootfs, .. mounts, .. disks, logs]);
            return spec;
        }
        finally
        {
            Array.ForEach(disks, static d => d.Dispose());
        }
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

    /// <summary>Ends the pod, and fails when something of it is left.</summary>
    public abstract ValueTask DisposeAsync();

    protected void RemoveDirectory() => _directory.Dispose();

    protected static string Hex() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
}
