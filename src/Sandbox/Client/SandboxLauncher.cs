using System.Collections;
using System.Text;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Processes;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Client;

/// <summary>One pod's process to start.</summary>
/// <param name="RunDirectory">An existing directory of mode 0700 for sandbox.sock, exits and stderr.</param>
/// <param name="PlaceInCgroup">Called with the pid before the program runs, to put it in a cgroup outside of kubepods.</param>
public sealed record SandboxLaunch(string Id, string RunDirectory, Action<int>? PlaceInCgroup = null)
{
    /// <summary>Whether the process is the monitor of a pod that is a virtual machine (SandboxSpec.Vm).</summary>
    public bool IsMonitor { get; init; }

    /// <summary>What the process opens exports beneath, as process 1 of a guest does: for tests of the protocol without a machine.</summary>
    internal string? GuestMounts { get; init; }

    internal const string MonitorOption = "--monitor";

    internal const string GuestMountsOption = "--guest-mounts";

    internal IReadOnlyList<string> Arguments =>
    [
        "crisp-sandbox", "--id", Id, "--run-dir", RunDirectory, .. IsMonitor ? [MonitorOption] : (string[])[],
        .. GuestMounts is { } mounts ? [GuestMountsOption, mounts] : (string[])[],
    ];

    /// <summary>At most 107 bytes (unix(7)).</summary>
    public string SocketPath => Path.Combine(RunDirectory, "sandbox.sock");
}

/// <summary>Starts pods' processes from one program. For any number of threads.</summary>
/// <remarks>
/// A native program is copied once into a sealed memfd: all pods share its pages, no container can write to it through
/// /proc/PID/exe (CVE-2019-5736), and an upgrade of the file on disk disturbs nobody. The host program of a development
/// build looks for its assemblies beside its own path, so it cannot run from a memfd and is executed in place.
/// </remarks>
public sealed class SandboxLauncher : IDisposable
{
    private const string StderrName = "stderr";
    private static readonly TimeSpan _planDeadline = TimeSpan.FromSeconds(10);
    private readonly string _program;
    private readonly FileDescriptor? _memfd;

    private SandboxLauncher(string program, FileDescriptor? memfd)
    {
        _program = program;
        _memfd = memfd;
    }

    /// <summary>Whether pods' processes run from a sealed copy of the program.</summary>
    public bool IsSealed => _memfd is not null;

    /// <param name="program">crisp-sandbox. It is a development build exactly when crisp-sandbox.dll lies beside it.</param>
    public static SandboxLauncher Open(string program)
    {
        using var file = Files.Open(program, OpenFlags.ReadOnly);
        if (File.Exists(program + ".dll"))
        {
            return new SandboxLauncher(Path.GetFullPath(program), null);
        }

        var memfd = Memfd.Create("crisp-sandbox", executable: true);
        try
        {
            var buffer = new byte[128 * 1024];
            for (int count; (count = Files.Read(file, buffer)) > 0;)
            {
                Files.WriteAll(memfd, buffer.AsSpan(0, count));
            }

            Files.Fchmod(memfd, 0x140); // 0500
            Memfd.Seal(memfd);
            return new SandboxLauncher(program, memfd);
        }
        catch
        {
            memfd.Dispose();
            throw;
        }
    }

    /// <summary>Starts the process and waits until it answers.</summary>
    /// <exception cref="SandboxException">It did not answer within the options' call timeout and was killed; the message ends with what it wrote.</exception>
    /// <exception cref="LinuxException">It could not be started.</exception>
    public async Task<(SandboxProcess Process, SandboxClient Client)> LaunchAsync(
        SandboxLaunch launch, SandboxClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new SandboxClientOptions();
        var process = Launch(launch);
        try
        {
            var client = await ConnectAsync(launch, process, options, cancellationToken).ConfigureAwait(false);
            return (process, client);
        }
        catch
        {
            process.Kill();
            process.WaitForEnd(TimeSpan.FromSeconds(1));
            process.Dispose();
            throw;
        }
    }

    public void Dispose() => _memfd?.Dispose();

    private SandboxProcess Launch(SandboxLaunch launch)
    {
        using var nothing = Files.Open("/dev/null", OpenFlags.ReadWrite);
        using var stderr = Files.Open(
            Path.Combine(launch.RunDirectory, StderrName),
            OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append | OpenFlags.NoFollow,
            mode: 0x180); // 0600
        using var plan = BuildPlan(launch, nothing, stderr);
        using var child = PlanLauncher.Launch(plan);
        if (child.Run(_planDeadline) is not null)
        {
            launch.PlaceInCgroup?.Invoke(child.Pid);
            child.RunToEnd(_planDeadline);
        }

        return SandboxProcess.Adopt(child.Pid, child.Pidfd.Duplicate());
    }

    private Plan BuildPlan(SandboxLaunch launch, FileDescriptor nothing, FileDescriptor stderr)
    {
        string[] arguments = [.. launch.Arguments];
        var builder = new PlanBuilder();
        var devNull = builder.Descriptor("/dev/null", nothing);
        builder.Label("Detach crisp-sandbox from the daemon").SetSid();
        builder.SignalsDefault();
        builder.SignalsBlock([.. StraySignals.All]);
        builder.Umask(0x3F); // 0077
        builder.Chdir("/");
        builder.Dup2(devNull, 0);
        builder.Dup2(devNull, 1);
        builder.Dup2(builder.Descriptor(StderrName, stderr), 2);
        if (launch.PlaceInCgroup is not null)
        {
            builder.Stop("cgroup", _planDeadline);
        }

        builder.Label("Execute crisp-sandbox");
        if (_memfd is not null)
        {
            builder.ExecveAt(builder.Descriptor("memfd:crisp-sandbox", _memfd), arguments, [.. RuntimeSettings]);
        }
        else
        {
            builder.Execve(_program, arguments, [.. RuntimeSettings, .. DevelopmentEnvironment()]);
        }

        return builder.Build();
    }

    /// <summary>Hexadecimal: the first generation of the heap in 128 KiB, so that it stays in the second-level cache and out of RSS.</summary>
    public static IReadOnlyList<string> RuntimeSettings => ["DOTNET_GCgen0size=20000", "MALLOC_ARENA_MAX=1"];

    // A development build must find the shared framework.
    private static IEnumerable<string> DevelopmentEnvironment()
        => System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(v => v.Key is "DOTNET_ROOT" or "PATH" or "HOME")
            .Select(v => $"{v.Key}={v.Value}");

    private static async Task<SandboxClient> ConnectAsync(
        SandboxLaunch launch, SandboxProcess process, SandboxClientOptions options, CancellationToken cancellationToken)
    {
        var deadline = DateTime.UtcNow + options.CallTimeout;
        var expected = options with { ExpectedPid = process.Pid };
        for (var delay = 1; ; delay = Math.Min(delay * 2, 50))
        {
            try
            {
                return await SandboxClient.ConnectAsync(launch.SocketPath, expected, cancellationToken).ConfigureAwait(false);
            }
            catch (SandboxException e) when (e.Code == RpcCode.Unavailable)
            {
                if (process.HasEnded || DateTime.UtcNow > deadline)
                {
                    throw new SandboxException(
                        RpcCode.Unavailable,
                        $"crisp-sandbox of {launch.Id} {(process.HasEnded ? "ended" : "did not listen")} before it was ready: {ReadStderr(launch)}",
                        e);
                }
            }

            await Task.Delay(delay, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string ReadStderr(SandboxLaunch launch)
    {
        using var file = Files.Open(Path.Combine(launch.RunDirectory, StderrName), OpenFlags.ReadOnly | OpenFlags.NoFollow);
        var buffer = new byte[4096];
        var text = Encoding.UTF8.GetString(buffer, 0, Files.Read(file, buffer)).Trim();
        return text.Length > 0 ? text : "it wrote no reason.";
    }
}
