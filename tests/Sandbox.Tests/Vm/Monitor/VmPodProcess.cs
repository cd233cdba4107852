using System.Collections.Concurrent;
using System.Diagnostics;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>A real monitor with a real machine, started as the daemon starts it.</summary>
/// <remarks>Needs a KVM that runs kernels, the programs of a release, and a kernel with its modules: the test VM has them all.</remarks>
internal sealed class VmPodProcess : TestPod
{
    private const string KernelVariable = "CRISP_TEST_KERNEL";
    private static readonly ConcurrentDictionary<string, Lazy<string>> _images = new();
    private readonly SandboxLauncher _launcher = SandboxLauncher.Open(PodProcess.Program);

    private VmPodProcess(string init)
    {
        var image = _images.GetOrAdd(init, static i => new Lazy<string>(() => BuildImage(i))).Value;
        Spec = Spec with
        {
            NetworkNamespace = true,
            UtsNamespace = true,
            Hostname = "guest",
            Vm = new VmSpec
            {
                Kernel = Path.Combine(image, "kernel"),
                Initramfs = Path.Combine(image, "initramfs"),
                Vcpus = 1,
                MemoryBytes = 256 << 20,
                DiskSlots = VmPodDisks.Slots,
            },
        };
    }

    public SandboxProcess Process { get; private set; } = null!;

    public string Words => File.ReadAllText(Path.Combine(RunDirectory, "stderr"));

    public string Console => File.ReadAllText(Path.Combine(RunDirectory, "console"));

    /// <summary>What its process and its console say, when a test's wait is over.</summary>
    public async Task<T> WithWordsAsync<T>(Task<T> work, TimeSpan patience)
    {
        try
        {
            return await work.WaitAsync(patience);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{Words}\n{Console[^Math.Min(Console.Length, 4000)..]}", e);
        }
    }

    /// <param name="init">Process 1 of the guest, instead of the program itself.</param>
    public static async Task<VmPodProcess> StartAsync(Func<SandboxSpec, SandboxSpec>? change = null, string? init = null)
    {
        Require();
        Assert.SkipUnless(Environment.GetEnvironmentVariable(KernelVariable) is not null, $"needs {KernelVariable}, and a KVM that runs kernels (the test VM has both)");
        Assert.SkipUnless(File.Exists("/dev/kvm"), "needs /dev/kvm (the test VM has it after modprobe kvm_amd)");
        Assert.SkipWhen(File.Exists(PodProcess.Program + ".dll"), "needs the programs of a release (CRISP_BIN_DIR)");
        var pod = new VmPodProcess(init ?? PodProcess.Program);
        pod.Spec = change?.Invoke(pod.Spec) ?? pod.Spec;
        var options = new SandboxClientOptions { CallTimeout = TimeSpan.FromSeconds(60), OperationTimeout = TimeSpan.FromMinutes(3) };
        (pod.Process, pod.Client) = await pod._launcher.LaunchAsync(new SandboxLaunch(pod.Id, pod.RunDirectory) { IsMonitor = true }, options);
        try
        {
            await pod.Client.StartAsync(pod.Spec);
            await pod.Client.BootAsync();
            return pod;
        }
        catch (Exception e)
        {
            var words = $"{e.Message}\n{pod.Words}\n{(File.Exists(Path.Combine(pod.RunDirectory, "console")) ? pod.Console : "")}";
            await pod.DisposeAsync();
            throw new InvalidOperationException(words, e);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        try
        {
            if (!Process.HasEnded)
            {
                await Client.ShutdownAsync();
            }

            Assert.True(Process.WaitForEnd(TimeSpan.FromSeconds(60)), "The monitor is still there.");
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

    private static string BuildImage(string init)
    {
        var directory = Path.Combine(Directory.CreateTempSubdirectory("crisp-test-").FullName, "guest");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(Path.GetDirectoryName(directory)!, recursive: true);
        var programs = Path.GetDirectoryName(PodProcess.Program)!;
        using var build = System.Diagnostics.Process.Start(new ProcessStartInfo(
            Path.Combine(programs, "crisp"),
            ["vm", "build", "--kernel", Environment.GetEnvironmentVariable(KernelVariable)!, "--init", init, "--output", directory])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var words = build.StandardOutput.ReadToEnd() + build.StandardError.ReadToEnd();
        build.WaitForExit();
        Assert.True(build.ExitCode == 0, words);
        return directory;
    }
}
