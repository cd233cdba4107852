using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Grpc.Core;

namespace Crisp.CriServer.Checkpoints;

/// <summary>
/// criu(8) dump of a running container: its processes are stopped, written down and let go again. What the container has from
/// outside (the pod's namespaces, every mount) is named and not dumped.
/// </summary>
/// <param name="program">The path of criu.</param>
/// <param name="container">A running one.</param>
/// <param name="work">An empty directory for everything that is made.</param>
internal sealed class CriuDump(string program, ContainerRecord container, string upper, string work)
{
    private const int MostErrors = 3;

    // criu runs it at each of its stages; at this one everything is written and the processes still stand.
    private const string Script = """
        #!/bin/sh
        [ "$CRTOOLS_SCRIPT_ACTION" = post-dump ] || exit 0
        exec tar -C "$CRISP_UPPER" --numeric-owner --xattrs --xattrs-include='*' -cf "$CRISP_ROOTFS_DIFF" .

        """;

    /// <summary>criu's images, one file for each kind and process.</summary>
    public string Images { get; } = Path.Combine(work, "images");

    public string Log { get; } = Path.Combine(work, "dump.log");

    public string Statistics { get; } = Path.Combine(work, "stats-dump");

    /// <summary>The container's writable layer with overlayfs's own marks, as it was while the processes stood still.</summary>
    public string RootfsDiff { get; } = Path.Combine(work, "rootfs-diff.tar");

    /// <exception cref="CriException">criu is not there, refused, or took too long; the container runs on.</exception>
    public async Task RunAsync(TimeSpan timeout)
    {
        Directory.CreateDirectory(Images);
        var script = Path.Combine(work, "post-dump");
        await File.WriteAllTextAsync(script, Script);
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var criu = Start(Arguments(script));
        using var deadline = new CancellationTokenSource(timeout);
        try
        {
            // Read to their ends, or a full pipe would hold criu up; what matters is in its log.
            await Task.WhenAll(
                criu.StandardOutput.ReadToEndAsync(deadline.Token), criu.StandardError.ReadToEndAsync(deadline.Token), criu.WaitForExitAsync(deadline.Token));
        }
        catch (OperationCanceledException)
        {
            criu.Kill(entireProcessTree: true);
            await criu.WaitForExitAsync(CancellationToken.None);
            throw new CriException(
                StatusCode.DeadlineExceeded, $"The container {container.Id} was not checkpointed within {timeout.TotalSeconds:0} s; criu was ended.");
        }

        if (criu.ExitCode != 0)
        {
            throw new CriException(
                StatusCode.FailedPrecondition, $"The container {container.Id} cannot be checkpointed: {program} ended with {criu.ExitCode}. {Errors()}");
        }
    }

    private List<string> Arguments(string script)
    {
        var pid = container.Pid.ToString(CultureInfo.InvariantCulture);
        List<string> arguments =
        [
            "dump", "--tree", pid, "--leave-running", "--images-dir", Images, "--work-dir", work, "--log-file", Log, "-v3",
            "--root", $"/proc/{pid}/root", "--external", "mnt[]:sm", "--manage-cgroups=ignore", "--tcp-established", "--file-locks",
            "--action-script", script,
        ];
        External(arguments, "net", "extRootNetNS");
        if (container.Spec.Namespaces.Pid is PidNamespace.Pod or PidNamespace.Target)
        {
            External(arguments, "pid", "extRootPidNS");
        }

        return arguments;
    }

    // The names are those that runc gives, by which a restore gives them back.
    private void External(List<string> arguments, string kind, string name)
    {
        var own = Files.ReadlinkAt(FileDescriptor.CurrentDirectory, $"/proc/{container.Pid}/ns/{kind}");
        if (own != Files.ReadlinkAt(FileDescriptor.CurrentDirectory, $"/proc/self/ns/{kind}"))
        {
            // Such as net:[4026531840].
            arguments.AddRange(["--external", $"{own.Replace(":", "", StringComparison.Ordinal)}:{name}"]);
        }
    }

    private Process Start(IEnumerable<string> arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = "/",
                Environment = { ["CRISP_UPPER"] = upper, ["CRISP_ROOTFS_DIFF"] = RootfsDiff },
            })!;
        }
        catch (Win32Exception e)
        {
            throw new CriException(StatusCode.FailedPrecondition, $"{program}, which checkpoint.criu names, cannot be executed: {e.Message}.", e);
        }
    }

    private string Errors()
    {
        if (!File.Exists(Log))
        {
            return "It has written no log: criu check tells whether it works on this kernel.";
        }

        var errors = File.ReadLines(Log).Where(l => l.Contains("Error (", StringComparison.Ordinal)).Take(MostErrors).ToList();
        return errors.Count == 0 ? "Its log has no error." : string.Join(' ', errors.Select(e => e[e.IndexOf("Error (", StringComparison.Ordinal)..].TrimEnd('.') + "."));
    }
}
