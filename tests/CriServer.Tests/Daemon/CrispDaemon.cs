using System.Diagnostics;
using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Grpc.Core;
using Grpc.Net.Client;

namespace Crisp.CriServer.Tests.Daemon;

/// <summary>
/// A real <c>crisp serve</c> on temporary directories of its own. It can be stopped, killed and started again on the same
/// directories; disposing removes its pods, the process and the directories.
/// </summary>
public sealed class CrispDaemon : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private readonly StringBuilder _log = new();
    private readonly string[] _arguments;
    private readonly string _directory;
    private Process? _process;
    private GrpcChannel? _channel;

    private CrispDaemon(string[] arguments)
    {
        _arguments = arguments;
        _directory = Directory.CreateTempSubdirectory("crisp-test-").FullName;
    }

    public string Root => Path.Combine(_directory, "root");

    public string Run => Path.Combine(_directory, "run");

    public string SocketPath => Path.Combine(Run, "crisp.sock");

    /// <summary>A directory for the test's own files, removed with the daemon's.</summary>
    public string Scratch => Directory.CreateDirectory(Path.Combine(_directory, "scratch")).FullName;

    /// <summary>The daemon's process id, for signals of the test's own.</summary>
    public int ProcessId => _process!.Id;

    public RuntimeService.RuntimeServiceClient Runtime { get; private set; } = null!;

    public ImageService.ImageServiceClient Images { get; private set; } = null!;

    /// <summary>The channel behind <see cref="Runtime"/> and <see cref="Images"/>; a new one after each start.</summary>
    public GrpcChannel Channel => _channel!;

    /// <summary>Everything that the daemon has logged, over all its starts.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Starts a daemon and waits until it answers.</summary>
    /// <param name="arguments">Further arguments of crisp serve.</param>
    public static Task<CrispDaemon> StartAsync(params string[] arguments) => StartAsync(_ => { }, arguments);

    /// <param name="prepare">What comes before its first start.</param>
    /// <param name="arguments">As above.</param>
    public static async Task<CrispDaemon> StartAsync(Action<CrispDaemon> prepare, params string[] arguments)
    {
        var daemon = new CrispDaemon(arguments);
        try
        {
            prepare(daemon);
            await daemon.StartAgainAsync();
            return daemon;
        }
        catch (Exception error)
        {
            // It has no pods yet, and starting it again to remove them would hide why it did not start.
            await daemon.AbandonAsync();
            throw new InvalidOperationException($"crisp serve did not start: {error.Message}\n{daemon.Log}", error);
        }
    }

    /// <summary>Starts it after <see cref="StopAsync"/>, <see cref="KillAsync"/> or a death of its own.</summary>
    /// <param name="environment">Further variables of the process, for example a failpoint's.</param>
    public async Task StartAgainAsync(params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(CrispBinaries.Crisp) { RedirectStandardError = true, WorkingDirectory = _directory };
        foreach (var argument in (string[])["serve", "--root", Root, "--run", Run, .. TestCgroups.Arguments(Path.GetFileName(_directory)), .. SandboxArguments, .. _arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _process?.Dispose();
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginErrorReadLine();
        _channel?.Dispose();
        _channel = DaemonChannel.Open(SocketPath);
        Runtime = new RuntimeService.RuntimeServiceClient(_channel);
        Images = new ImageService.ImageServiceClient(_channel);
        await WaitUntilReadyAsync();
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        using var kill = Process.Start("/bin/kill", ["-TERM", $"{_process!.Id}"]);
        await kill.WaitForExitAsync();
        return await WaitForExitAsync();
    }

    /// <summary>SIGKILL, and waits for the end.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await WaitForExitAsync();
    }

    /// <summary>Waits until the daemon ends by itself.</summary>
    public async Task<int> WaitForExitAsync()
    {
        using var deadline = new CancellationTokenSource(_patience);
        await _process!.WaitForExitAsync(deadline.Token);
        return _process.ExitCode;
    }

    public bool HasExited => _process!.HasExited;

    /// <summary>Brings an image in with <c>crisp image import</c>.</summary>
    public async Task ImportAsync(string archive, string name)
    {
        var start = new ProcessStartInfo(CrispBinaries.Crisp) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])["image", "import", "--socket", SocketPath, "--name", name, archive])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"crisp image import ended with {process.ExitCode}:\n{output}");
        }
    }

    /// <summary>Removes every pod with its containers; what a test calls that wants to see a clean node.</summary>
    public async Task RemovePodsAsync()
    {
        foreach (var pod in (await Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items)
        {
            await Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = pod.Id });
            await Runtime.RemovePodSandboxAsync(new RemovePodSandboxRequest { PodSandboxId = pod.Id });
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await EndAsync();
            _process.Dispose();
        }

        _channel?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task AbandonAsync()
    {
        if (_process is { HasExited: false })
        {
            await KillAsync();
        }

        _process?.Dispose();
        _channel?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task EndAsync()
    {
        try
        {
            if (_process!.HasExited && Directory.Exists(Run))
            {
                // Its pods live on, and only a daemon removes them.
                await StartAgainAsync();
            }

            await RemovePodsAsync();
            await StopAsync();
        }
        catch (RpcException error) when (error.StatusCode == StatusCode.Unimplemented)
        {
            await StopAsync();
        }
        finally
        {
            if (!_process!.HasExited)
            {
                await KillAsync();
            }
        }
    }

    private static string[] SandboxArguments => CrispBinaries.Sandbox is { } path ? ["--sandbox-binary", path] : [];

    private async Task WaitUntilReadyAsync()
    {
        var deadline = DateTime.UtcNow + _patience;
        while (true)
        {
            try
            {
                await Runtime.VersionAsync(new VersionRequest());
                return;
            }
            catch (RpcException error) when (error.StatusCode == StatusCode.Unavailable && DateTime.UtcNow < deadline)
            {
                if (_process!.HasExited)
                {
                    throw new InvalidOperationException($"crisp serve ended with {_process.ExitCode}:\n{Log}", error);
                }

                await Task.Delay(20);
            }
        }
    }

    private void Append(string? line)
    {
        if (line is not null)
        {
            lock (_log)
            {
                _log.AppendLine(line);
            }
        }
    }
}
