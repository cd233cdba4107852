using System.Security.Cryptography;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Spec;

namespace Crisp.SandboxMemory;

/// <summary>What a pod goes through in a long life, in a minute. Needs root and busybox-static.</summary>
internal sealed class Load : IDisposable
{
    private const int AtOnce = 10;
    private readonly string _directory = Directory.CreateTempSubdirectory("crisp-bench-").FullName;
    private readonly SandboxLauncher _launcher;
    private readonly List<(SandboxProcess Process, SandboxClient Client)> _pods = [];
    private readonly SandboxSpec _spec = new() { Id = Hex(), CgroupPath = $"crisp-bench-{Environment.ProcessId}" };
    private string _container = "";

    private Load(string program)
    {
        _launcher = SandboxLauncher.Open(program);
    }

    public int Pid => _pods[0].Process.Pid;

    private SandboxClient Client => _pods[0].Client;

    public static async Task<Load> StartAsync(string program)
    {
        var load = new Load(program);
        try
        {
            load.MakeRootfs();
            await load.LaunchAsync(load._spec);
            await load.LaunchAsync(load._spec with { Id = Hex(), CgroupPath = load._spec.CgroupPath + "-idle" });
            load._container = await load.RunAsync("sleep", "100000");
            return load;
        }
        catch
        {
            load.Dispose();
            throw;
        }
    }

    public async Task LogAsync(int bytes)
    {
        var id = await RunAsync("sh", "-c", $"yes 'a line of a log as it is written by many a program, of some eighty characters' | head -c {bytes}");
        await Client.WaitAsync(id);
        await Client.DeleteContainerAsync(id);
        File.Delete(Path.Combine(_directory, $"{id}.log"));
    }

    public async Task ExecAsync(int count)
    {
        for (var done = 0; done < count; done += AtOnce)
        {
            await Task.WhenAll(Enumerable.Range(done, AtOnce).Select(OneAsync));
        }

        async Task OneAsync(int number)
        {
            using var session = await Client.ExecAsync(
                _container, $"exec-{number}", Command("sh", "-c", "seq 1 1000; echo done >&2"), new ExecStreams(Stdin: false, Stdout: true, Stderr: true));
            await Task.WhenAll(session.Stdout!.CopyToAsync(Stream.Null), session.Stderr!.CopyToAsync(Stream.Null));
            var exit = await session.WaitAsync();
            if (exit.ExitCode != 0)
            {
                throw new InvalidOperationException($"An exec ended with code {exit.ExitCode}.");
            }
        }
    }

    public async Task RestartAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var id = await RunAsync("echo", "hello");
            await Client.WaitAsync(id);
            await Client.DeleteContainerAsync(id);
            File.Delete(Path.Combine(_directory, $"{id}.log"));
        }
    }

    public int Threads() => Directory.GetDirectories($"/proc/{Pid}/task").Length;

    public int Descriptors() => Directory.GetFileSystemEntries($"/proc/{Pid}/fd").Length;

    public void Dispose()
    {
        foreach (var (process, client) in _pods)
        {
            client.ShutdownAsync().GetAwaiter().GetResult();
            process.WaitForEnd(TimeSpan.FromSeconds(10));
            client.DisposeAsync().AsTask().GetAwaiter().GetResult();
            process.Dispose();
        }

        _launcher.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task LaunchAsync(SandboxSpec spec)
    {
        var run = Directory.CreateDirectory(Path.Combine(_directory, spec.Id[..16]), (UnixFileMode)0x1C0).FullName;
        _pods.Add(await _launcher.LaunchAsync(new SandboxLaunch(spec.Id, run)));
        await _pods[^1].Client.StartAsync(spec);
    }

    private async Task<string> RunAsync(params string[] command)
    {
        var id = Hex();
        var spec = new ContainerSpec
        {
            Id = id,
            CgroupPath = $"{_spec.CgroupPath}/{id}",
            Process = Command(command),
            Root = new RootSpec { Source = new BindSource(Path.Combine(_directory, "rootfs")) },
            Mounts = [new MountSpec { Target = "/proc", Source = new KernelSource("proc") }],
            DeviceRules = [new DeviceRuleSpec(true, 'a', null, null, "rwm")],
            Log = new LogSpec(_directory, $"{id}.log"),
        };
        using var rootfs = Mounts.OpenTree(FileDescriptor.CurrentDirectory, Path.Combine(_directory, "rootfs"), OpenTreeFlags.Clone);
        await Client.CreateContainerAsync(spec, [rootfs]);
        await Client.StartContainerAsync(id);
        return id;
    }

    private void MakeRootfs()
    {
        var root = Path.Combine(_directory, "rootfs");
        foreach (var name in (string[])["bin", "dev", "etc", "proc", "sys", "tmp"])
        {
            Directory.CreateDirectory(Path.Combine(root, name));
        }

        File.Copy("/usr/bin/busybox", Path.Combine(root, "bin", "busybox"));
        foreach (var name in (string[])["sh", "sleep", "echo", "yes", "head", "seq"])
        {
            File.CreateSymbolicLink(Path.Combine(root, "bin", name), "busybox");
        }
    }

    private static ProcessSpec Command(params string[] command) => new() { Args = command, Env = ["PATH=/bin"] };

    private static string Hex() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
}
