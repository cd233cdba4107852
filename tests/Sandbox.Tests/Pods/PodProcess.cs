using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>
/// A real pod's process, started as the daemon starts it. Its disposal shuts it down, and fails when a process or a cgroup of
/// it is left.
/// </summary>
internal sealed class PodProcess : TestPod
{
    /// <summary>crisp-sandbox.</summary>
    public static readonly string Program =
        Path.Combine(Environment.GetEnvironmentVariable("CRISP_BIN_DIR") ?? AppContext.BaseDirectory, "crisp-sandbox");

    private static readonly ICgroupManager _cgroups = CgroupManager.Detect();
    private readonly SandboxLauncher _launcher;

    private PodProcess(SandboxLauncher launcher) => _launcher = launcher;

    public SandboxProcess Process { get; private set; } = null!;

    /// <summary>What the process had to say.</summary>
    public string Words => File.ReadAllText(Path.Combine(RunDirectory, "stderr"));

    /// <summary>Launches the process, and starts the pod unless told otherwise.</summary>
    public static async Task<PodProcess> StartAsync(Func<SandboxSpec, SandboxSpec>? change = null, bool start = true)
    {
        Require();
        var pod = new PodProcess(SandboxLauncher.Open(Program));
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

    /// <summary>Open descriptors of the process. A development build holds each assembly that it has loaded.</summary>
    public int CountDescriptors() => Directory.GetFileSystemEntries($"/proc/{Process.Pid}/fd")
        .Count(f => new FileInfo(f).LinkTarget is { } target && !target.EndsWith(".dll", StringComparison.Ordinal));

    public override async ValueTask DisposeAsync()
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
            RemoveDirectory();
        }
    }
}
