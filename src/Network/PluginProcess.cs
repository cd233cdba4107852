using System.Diagnostics;
using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Network;

/// <summary>
/// A running plugin: a session of its own, so that it can be killed with its children; its output is read through pipes and
/// capped. It starts by a plan, as containers do: no descriptor of the daemon reaches it but the three streams and the lock.
/// </summary>
internal sealed class PluginProcess : IDisposable
{
    private const int MaxOutput = 1 << 20;
    private const int MaxErrors = 4096;
    private const ulong StdoutData = 0;
    private const ulong StderrData = 1;
    private const ulong ExitData = 2;
    private static readonly TimeSpan _startDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _killPatience = TimeSpan.FromSeconds(10);
    private readonly CniPlugin _plugin;
    private readonly PlanProcess _process;
    private readonly FileDescriptor _stdout;
    private readonly FileDescriptor _stderr;
    private readonly FileDescriptor? _held;
    private readonly MemoryStream _output = new();
    private readonly TailBuffer _errors = new(MaxErrors);
    private readonly byte[] _buffer = new byte[16 * 1024];
    private bool _reaped;

    private PluginProcess(CniPlugin plugin, PlanProcess process, FileDescriptor stdout, FileDescriptor stderr, FileDescriptor? held)
    {
        _plugin = plugin;
        _process = process;
        _stdout = stdout;
        _stderr = stderr;
        _held = held;
    }

    /// <exception cref="CniException">The program cannot be executed.</exception>
    public static PluginProcess Start(CniPlugin plugin, IReadOnlyList<string> environment, FileDescriptor input, FileDescriptor? held)
    {
        var (stdout, childStdout) = Pipes.Create();
        var (stderr, childStderr) = Pipes.Create();
        PlanProcess? process = null;
        using (childStdout)
        using (childStderr)
        {
            try
            {
                using var plan = BuildPlan(plugin, environment, input, childStdout, childStderr, held);
                process = PlanLauncher.Launch(plan);
                process.RunToEnd(_startDeadline);
                Files.SetNonBlocking(stdout, true);
                Files.SetNonBlocking(stderr, true);
                return new PluginProcess(plugin, process, stdout, stderr, held);
            }
            catch (Exception e)
            {
                process?.Dispose();
                stdout.Dispose();
                stderr.Dispose();
                throw e is LinuxException or TimeoutException or PlanDiedException ? new CniException(CannotStart(plugin, e), e) { NeverRan = true } : e;
            }
        }
    }

    /// <summary>
    /// Until the program ends. What it has started is ended with it: nothing of a plugin may outlive its command, and a child
    /// that holds the output open must not hold the pod up.
    /// </summary>
    /// <exception cref="CniException">It took too long or printed too much, and was killed.</exception>
    public PluginOutput Run(TimeSpan timeout)
    {
        using var epoll = new Epoll();
        epoll.Add(_stdout, EpollEvents.In, StdoutData);
        epoll.Add(_stderr, EpollEvents.In, StderrData);
        epoll.Add(_process.Pidfd, EpollEvents.In, ExitData);
        var clock = Stopwatch.StartNew();
        var reports = new EpollReport[3];
        for (var ended = false; !ended;)
        {
            var left = timeout - clock.Elapsed;
            if (left <= TimeSpan.Zero)
            {
                throw Killed($"did not end within {timeout.TotalSeconds:0.##} s and was killed{Quoted()}. If it waits for something slow, the configuration's plugin timeout can be raised.");
            }

            var count = epoll.Wait(reports, (int)Math.Min(int.MaxValue, Math.Ceiling(left.TotalMilliseconds)));
            foreach (var report in reports.AsSpan(0, count))
            {
                ended |= report.Data == ExitData;
                if (report.Data == StdoutData && !Drain(_stdout, KeepOutput))
                {
                    epoll.Remove(_stdout);
                }
                else if (report.Data == StderrData && !Drain(_stderr, _errors.Add))
                {
                    epoll.Remove(_stderr);
                }
            }
        }

        // What was written before the exit is in the pipes now.
        Drain(_stdout, KeepOutput);
        Drain(_stderr, _errors.Add);
        return new PluginOutput(Reap(), _output.ToArray(), PrintableText.From(_errors.ToArray(), MaxErrors));
    }

    public void Dispose()
    {
        if (!_reaped)
        {
            KillAll();
        }

        _process.Dispose();
        _stdout.Dispose();
        _stderr.Dispose();
        _output.Dispose();
    }

    private static Plan BuildPlan(
        CniPlugin plugin, IReadOnlyList<string> environment, FileDescriptor input, FileDescriptor stdout, FileDescriptor stderr, FileDescriptor? held)
    {
        var builder = new PlanBuilder();
        builder.Label($"Start the CNI plugin {plugin.Type}").SetSid();
        builder.SignalsDefault();
        builder.Umask(0x12); // 0022
        builder.Chdir("/");
        builder.Dup2(builder.Descriptor("configuration", input), 0);
        builder.Dup2(builder.Descriptor("stdout", stdout), 1);
        builder.Dup2(builder.Descriptor("stderr", stderr), 2);
        if (held is not null)
        {
            builder.ClearCloseOnExec(builder.Descriptor("lock", held));
        }

        builder.Execve(plugin.Path, [plugin.Path], environment);
        return builder.Build();
    }

    private static string CannotStart(CniPlugin plugin, Exception e) => e is LinuxException { Errno: Errno.ENOEXEC }
        ? $"The CNI plugin {plugin} is no program for this machine: install the one built for its architecture."
        : $"The CNI plugin {plugin} cannot be started: {e.Message}.";

    /// <returns>False at the end of the stream.</returns>
    private bool Drain(FileDescriptor pipe, SpanAction add)
    {
        while (true)
        {
            var count = Files.TryRead(pipe, _buffer, out var errno);
            if (count <= 0)
            {
                return count < 0 && errno == Errno.EAGAIN;
            }

            add(_buffer.AsSpan(0, count));
        }
    }

    private void KeepOutput(ReadOnlySpan<byte> bytes)
    {
        if (_output.Length + bytes.Length > MaxOutput)
        {
            throw Killed($"printed more than {MaxOutput >> 20} MiB and was killed; a result has a few hundred bytes{Quoted()}.");
        }

        _output.Write(bytes);
    }

    private CniException Killed(string what)
    {
        KillAll();
        return new CniException($"The CNI plugin {_plugin} {what}");
    }

    private string Quoted() => _errors.ToArray() is { Length: > 0 } bytes ? $"; its errors were: {PrintableText.From(bytes)}" : "";

    private void KillAll()
    {
        KillGroup();
        if (!Poll.WaitReadable(_process.Pidfd, _killPatience))
        {
            throw new CniException($"The CNI plugin {_plugin}, process {_process.Pid}, cannot be killed: it waits in the kernel.");
        }

        Reap();
        if (_held is not null)
        {
            PluginRemains.Kill(_held);
        }
    }

    // The leader is not reaped yet, so the group's number is still its own.
    private void KillGroup() => Processes.Kill(-_process.Pid, Signals.Kill);

    private ProcessExit Reap()
    {
        KillGroup();
        _reaped = true;
        return Processes.WaitPidfd(_process.Pidfd);
    }

    private delegate void SpanAction(ReadOnlySpan<byte> bytes);
}
