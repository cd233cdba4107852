using System.Diagnostics;
using System.Globalization;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Tests.Daemon;
using Crisp.Linux;
using Grpc.Core;
using Grpc.Net.Client;
using Xunit;
using Mounts = Crisp.Linux.Mounts;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>
/// crisp as <c>crisp install</c> makes it a service of the machine: under the real unit pods live on, and are shut into nothing. Only in
/// the test VM, whose /usr/local, /etc and /var/lib are nobody's.
/// </summary>
public sealed class ServiceTests : CriCalls, IDisposable
{
    private const string Socket = "/run/crisp/crisp.sock";
    private const string DropIn = "/run/systemd/system/crisp.service.d/test.conf";
    private const string SetuidImage = "localhost/crisp/setuid:1";
    private const int SigStop = 19;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private readonly string _directory = Directory.CreateTempSubdirectory("crisp-test-").FullName;
    private readonly GrpcChannel _channel = DaemonChannel.Open(Socket);

    public override RuntimeService.RuntimeServiceClient Runtime => new(_channel);

    public override string CgroupParent => "";

    public override string LogDirectory(string pod) => Path.Combine(_directory, "logs", pod);

    [Fact]
    public async Task Service_FromItsInstallationToItsEnd()
    {
        PodNode.Require();
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1" && Directory.Exists("/run/systemd/system"),
            "needs the test VM: it installs crisp on the machine");
        var before = Files();
        try
        {
            Assert.Contains("runs and answers on /run/crisp/crisp.sock", await CrispAsync(0, "install"), StringComparison.Ordinal);
            Assert.Equal("active enabled", $"{await RunAsync("systemctl", "is-active", "crisp")} {await RunAsync("systemctl", "is-enabled", "crisp")}");
            Assert.Contains("installed already", await CrispAsync(0, "install"), StringComparison.Ordinal);
            Assert.Contains("cgroup_driver = \"systemd\"", await File.ReadAllTextAsync("/etc/crisp/config.toml"), StringComparison.Ordinal);
            await ImportAsync();

            var pod = await RunPodAsync(c => c.Linux.SecurityContext.Privileged = true);
            var container = await SleeperAsync(pod);
            var pid = await PidAsync(container);
            await LivesOnAsync(container, pid, () => RunAsync("systemctl", "restart", "crisp"));
            await WatchdogAsync(container, pid);
            await SetuidAsync(pod);
            await PropagationAsync(pod);
            await NothingIsInheritedAsync(pod);

            // The other driver under a running pod, which stays where it was made.
            var config = await File.ReadAllTextAsync("/etc/crisp/config.toml");
            await File.WriteAllTextAsync("/etc/crisp/config.toml", config.Replace("cgroup_driver = \"systemd\"", "cgroup_driver = \"cgroupfs\"", StringComparison.Ordinal));
            await LivesOnAsync(container, pid, () => RunAsync("systemctl", "restart", "crisp"));
            await RemovePodAsync(await RunPodAsync());
            await File.WriteAllTextAsync("/etc/crisp/config.toml", config);

            Assert.Contains("Pods run on this machine: default/pod-1. Nothing was changed.", await CrispAsync(1, "uninstall"), StringComparison.Ordinal);
            Assert.Equal(pid, await PidAsync(container));
            Assert.Contains("Removing the pod default/pod-1", await CrispAsync(0, "uninstall", "--force"), StringComparison.Ordinal);
            Assert.Equal("inactive", await RunAsync("systemctl", "is-active", "crisp"));
            Assert.Equal("", await RunAsync("systemctl", "list-units", "--all", "--plain", "--no-legend", $"crisp-*{pod}.scope", "crisp.slice", "crisp.service"));
            Assert.Equal(before, Files());
            Assert.Contains("crisp is not installed", await CrispAsync(0, "uninstall"), StringComparison.Ordinal);
        }
        finally
        {
            await CrispProcess.RunAsync("uninstall", "--force");
            File.Delete(DropIn);
        }
    }

    [Fact]
    public async Task Version_ThatDoesNotStart_LeavesTheMachineAsItWas()
    {
        PodNode.Require();
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("CRISP_TEST_VM") == "1" && Directory.Exists("/run/systemd/system"),
            "needs the test VM: it installs crisp on the machine");
        var before = Files();

        // It reads its configuration, and then cannot serve.
        var programs = Directory.CreateDirectory(Path.Combine(_directory, "broken")).FullName;
        await File.WriteAllTextAsync(Path.Combine(programs, "crisp"), "#!/bin/sh\n[ \"$1\" != serve ] || exit 1\n");
        File.Copy(CrispBinaries.Sandbox!, Path.Combine(programs, "crisp-sandbox"));
        var said = await CrispAsync(1, "install", "--from", programs, "--timeout", "5");
        Assert.Contains("Nothing is installed, as before.", said, StringComparison.Ordinal);
        Assert.Equal(before, Files());
    }

    public void Dispose()
    {
        _channel.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A daemon that stands still is killed and replaced.</summary>
    private async Task WatchdogAsync(string container, int pid)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(DropIn)!);
        await File.WriteAllTextAsync(DropIn, "[Service]\nWatchdogSec=15\n");
        await RunAsync("systemctl", "daemon-reload");
        await LivesOnAsync(container, pid, () => RunAsync("systemctl", "restart", "crisp"));
        var daemon = await MainPidAsync();
        await LivesOnAsync(container, pid, async () =>
        {
            using var pidfd = Processes.PidfdOpen(daemon);
            Processes.PidfdSendSignal(pidfd, SigStop);
            for (var clock = Stopwatch.StartNew(); await MainPidAsync() is var now && (now == daemon || now == 0); await Task.Delay(500))
            {
                Assert.True(clock.Elapsed < s_patience, "the watchdog did not replace a daemon that stands still");
            }
        });
    }

    private async Task SetuidAsync(string pod)
    {
        var (_, output) = await OutputAsync(pod, ["/setuid/su"], c =>
        {
            c.Image.Image = SetuidImage;
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
        });

        // Without the rights that its mode gives it, su says that it "must be suid".
        Assert.Contains("incorrect password", output, StringComparison.Ordinal);
    }

    private async Task PropagationAsync(string pod)
    {
        var shared = Directory.CreateDirectory(Path.Combine(_directory, "shared")).FullName;
        Mounts.Mount(shared, shared, null, MountFlags.Bind);
        try
        {
            Mounts.Mount(null, shared, null, MountFlags.Shared);
            Directory.CreateDirectory(Path.Combine(shared, "theirs"));
            Directory.CreateDirectory(Path.Combine(shared, "ours"));
            var container = await LaunchAsync(pod, ["sleep", "1000"], c =>
            {
                c.Linux.SecurityContext.Privileged = true;
                c.Mounts.Add(new Mount { ContainerPath = "/mnt", HostPath = shared, Propagation = MountPropagation.PropagationBidirectional });
            });
            Mounts.Mount("tmpfs", Path.Combine(shared, "ours"), "tmpfs", MountFlags.None);
            Assert.Equal("1\n", (await ExecAsync(container, "grep", "-c", " /mnt/ours ", "/proc/self/mountinfo")).Stdout);
            Assert.Equal(0, (await ExecAsync(container, "mount", "-t", "tmpfs", "tmpfs", "/mnt/theirs")).Code);
            Assert.Contains(File.ReadLines("/proc/self/mountinfo"), l => l.Split(' ')[4] == Path.Combine(shared, "theirs"));
            await StopAsync(container);
        }
        finally
        {
            await RunAsync("umount", "-R", shared);
        }
    }

    /// <summary>A pod's process has neither the service manager's socket nor a filter, and its containers' root is not the daemon's.</summary>
    private async Task NothingIsInheritedAsync(string pod)
    {
        var (_, output) = await OutputAsync(pod, ["sh", "-c", "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; env"], c =>
        {
            c.Linux.SecurityContext.Privileged = true;
            c.Linux.SecurityContext.Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Unconfined };
        });
        Assert.Equal("NoNewPrivs: 0 Seccomp: 0", string.Join(' ', output.Split('\n')[..2].Select(l => l.Replace('\t', ' '))));
        Assert.DoesNotContain("NOTIFY_SOCKET", output, StringComparison.Ordinal);
        Assert.DoesNotContain("WATCHDOG", output, StringComparison.Ordinal);
        var process = Directory.GetDirectories("/proc").Where(d => File.Exists($"{d}/cmdline")).First(
            d => Read($"{d}/cmdline").StartsWith($"crisp-sandbox\0--id\0{pod}", StringComparison.Ordinal));
        Assert.DoesNotContain("NOTIFY_SOCKET", Read($"{process}/environ"), StringComparison.Ordinal);
        Assert.Equal(Files("/proc/1/ns/mnt"), Files($"{process}/ns/mnt"));
    }

    /// <summary>Whatever becomes of the daemon, the container is the same process and takes commands afterwards.</summary>
    private async Task LivesOnAsync(string container, int pid, Func<Task> change)
    {
        await change();
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(200))
        {
            try
            {
                await Runtime.VersionAsync(new VersionRequest());
                break;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable && clock.Elapsed < s_patience)
            {
                // The daemon starts.
            }
        }

        Assert.Equal(pid, await PidAsync(container));
        Assert.Equal((0, "hi\n", ""), await ExecAsync(container, "echo", "hi"));
    }

    private async Task<int> PidAsync(string container)
    {
        var info = await Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = container, Verbose = true });
        Assert.Equal(ContainerState.ContainerRunning, info.Status.State);
        using var document = System.Text.Json.JsonDocument.Parse(info.Info["info"]);
        return document.RootElement.GetProperty("pid").GetInt32();
    }

    private static async Task<int> MainPidAsync()
        => int.Parse(await RunAsync("systemctl", "show", "--value", "--property", "MainPID", "crisp"), CultureInfo.InvariantCulture);

    private async Task ImportAsync()
    {
        var setuid = new TestImage(SetuidImage).Layer(tar => TestImage.Put(tar, "setuid/su", File.ReadAllBytes("/usr/bin/busybox"), 0x9ED));
        foreach (var image in (TestImage[])[new(TestImage.Busybox), setuid])
        {
            await CrispAsync(0, "image", "import", "--name", image.Name, image.WriteTo(_directory));
        }
    }

    private static async Task<string> CrispAsync(int expected, params string[] arguments)
    {
        var (code, output, error) = await CrispProcess.RunAsync(arguments);
        Assert.True(code == expected, $"crisp {string.Join(' ', arguments)} ended with {code}:\n{output}{error}");
        return output + error;
    }

    /// <summary>What an installation may leave on a machine.</summary>
    private static string Files() => string.Join('\n', from directory in (string[])["/etc/systemd/system", "/etc", "/usr/local", "/var/lib", "/run"]
                                                       from entry in Directory.EnumerateFileSystemEntries(directory, "*crisp*", SearchOption.AllDirectories)
                                                       where !entry.Contains("/systemd/transient/", StringComparison.Ordinal) && !entry.Contains("/systemd/units/", StringComparison.Ordinal) && !entry.Contains("service.d", StringComparison.Ordinal)
                                                       orderby entry
                                                       select entry);

    private static string? Files(string link) => new FileInfo(link).LinkTarget;

    // A process may go at any moment.
    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim();
    }
}
