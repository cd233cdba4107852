using System.Text;
using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.Install.Host;

/// <summary>
/// Runs programs of the host with the host's root as theirs (chroot(2)). They keep the pod's namespaces, which is enough to speak
/// to the host's systemd: its sockets are files below /run. Neither the host's PID namespace nor a privileged container is needed
/// for that. What must see the host as it is runs as a service of that systemd instead (<see cref="HostSystemd"/>).
/// </summary>
/// <param name="root">Where the host's root is mounted; "/" on the host itself.</param>
public sealed class HostCommands(string root) : IHostCommands
{
    private const int MostOutput = 1 << 20;
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(10);

    // systemctl and systemd-run do nothing in a chroot unless they are told that it is meant (systemd 239 and later).
    private static readonly string[] s_environment =
    [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "SYSTEMD_IGNORE_CHROOT=1", "SYSTEMD_COLORS=0",
    ];

    public Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan deadline, CancellationToken cancellation)
        => Task.Run(() => Run(program, arguments, deadline), cancellation);

    private CommandResult Run(string program, IReadOnlyList<string> arguments, TimeSpan deadline)
    {
        try
        {
            using var nothing = Files.Open("/dev/null", OpenFlags.ReadOnly);
            using var output = Memfd.Create("crisp-host-output");
            using var error = Memfd.Create("crisp-host-error");
            var builder = new PlanBuilder();
            builder.Label($"Run {program} of the host").SetSid();
            builder.Dup2(builder.Descriptor("/dev/null", nothing), 0);
            builder.Dup2(builder.Descriptor("output", output), 1);
            builder.Dup2(builder.Descriptor("error", error), 2);
            if (root != "/")
            {
                builder.Chroot(root);
            }

            builder.Chdir("/");
            builder.SignalsDefault();
            builder.Execve(program, [program, .. arguments], s_environment);
            using var plan = builder.Build();
            using var child = PlanLauncher.Launch(plan);
            child.RunToEnd(s_start);
            return child.WaitOrKill(deadline) is { } exit
                ? new CommandResult(exit.ExitCode, Read(output), Read(error).TrimEnd())
                : throw new HostException($"{Name(program, arguments)} on the host did not end within {deadline.TotalSeconds:0} s and was killed.");
        }
        catch (Exception e) when (e is LinuxException or PlanException or PlanDiedException or TimeoutException)
        {
            throw new HostException($"{program} of the host cannot be run below {root}: {e.Message}", e);
        }
    }

    private static string Name(string program, IReadOnlyList<string> arguments) => string.Join(' ', [program, .. arguments]);

    private static string Read(FileDescriptor file)
    {
        Files.Seek(file, 0);
        return Encoding.UTF8.GetString(Files.ReadToEnd(file, MostOutput));
    }
}
