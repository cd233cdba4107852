using Crisp.Cgroups;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Crisp.Sandbox.Vm.Monitor;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>The monitor of a VM pod on a thread of the test, with a guest that is no machine.</summary>
internal sealed class MonitoredPod : TestPod
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _listening = new();
    private Action _terminate = static () => { };

    private MonitoredPod(string guestSocket)
    {
        Guest = new ProcessGuest(Id, Path.Combine(Scratch, "guest")) { SocketPath = guestSocket };
        Spec = Spec with { NetworkNamespace = true, UtsNamespace = true, Vm = new VmSpec { Kernel = "/none", Initramfs = "/none", Vcpus = 1, MemoryBytes = 1 << 28, DiskSlots = 2 } };
    }

    public ProcessGuest Guest { get; }

    /// <summary>Completes when the monitor has ended.</summary>
    public Task Ended => _ended.Task;

    public int ExitCode { get; private set; }

    /// <param name="guestSocket">Of a guest that the test plays; empty for a real one.</param>
    /// <param name="boot">Whether the pod is started and booted.</param>
    public static async Task<MonitoredPod> StartAsync(
        Func<SandboxSpec, SandboxSpec>? change = null, string guestSocket = "", bool boot = true, SandboxClientOptions? options = null)
    {
        Require();
        var pod = new MonitoredPod(guestSocket);
        pod.Spec = change?.Invoke(pod.Spec) ?? pod.Spec;
        new Thread(pod.Run) { IsBackground = true, Name = "monitor" }.Start();
        pod._listening.Wait();
        pod.Client = await SandboxClient.ConnectAsync(pod.SocketPath, options);
        if (boot)
        {
            await pod.Client.StartAsync(pod.Spec);
            await pod.Client.BootAsync();
        }

        return pod;
    }

    /// <summary>What SIGTERM does.</summary>
    public void Terminate() => _terminate();

    public override async ValueTask DisposeAsync()
    {
        try
        {
            if (!Ended.IsCompleted)
            {
                // One that is ending by itself may end before it answers.
                await await Task.WhenAny(Client.ShutdownAsync(), Ended);
            }

            await Ended.WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(0, Guest.Exports);
            Assert.Empty(Guest.Disks);
        }
        finally
        {
            await Client.DisposeAsync();
            Guest.Dispose();
            RemoveDirectory();
        }
    }

    private void Run()
    {
        using (var loop = new EventLoop())
        {
            SandboxService service = null!;
            service = new SandboxService(new VmPod(Id, RunDirectory, loop, CgroupManager.Detect().Facts, Guest, () => service.Fail()));
            using var listener = Listener.Open(loop, SocketPath, service);
            _terminate = () => loop.Post(service.Terminate);
            _listening.Set();
            loop.Run();
            ExitCode = service.ExitCode;
        }

        _ended.SetResult();
    }
}
