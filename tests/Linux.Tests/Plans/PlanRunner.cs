using System.Text;
using Crisp.Linux.Plans;

namespace Crisp.Linux.Tests.Plans;

/// <summary>Launches a plan whose program writes to a pipe, and collects what it wrote.</summary>
internal static class PlanRunner
{
    internal static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    internal static readonly string[] Environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"];

    /// <summary>Ends a plan with a shell.</summary>
    internal static PlanBuilder Shell(this PlanBuilder builder, string script)
    {
        builder.SignalsDefault();
        builder.Execve("/bin/sh", ["sh", "-c", script], Environment);
        return builder;
    }

    /// <summary>Runs a shell after the given steps.</summary>
    /// <returns>What it wrote to standard output, and how it ended.</returns>
    internal static (string Output, ProcessExit Exit) Run(Action<PlanBuilder> steps, string script, NamespaceFlags namespaces = NamespaceFlags.None)
        => Run(builder =>
        {
            steps(builder);
            builder.Shell(script);
        }, namespaces);

    internal static (string Output, ProcessExit Exit) Run(
        Action<PlanBuilder> steps, NamespaceFlags namespaces = NamespaceFlags.None, Action<string, PlanProcess>? atStop = null)
    {
        var (read, write) = Pipes.Create();
        using var output = read;
        PlanProcess process;
        using (write)
        {
            var builder = new PlanBuilder();
            builder.Dup3(builder.Descriptor("stdout", write), 1);
            steps(builder);
            using var plan = builder.Build();
            process = PlanLauncher.Launch(plan, namespaces);
        }

        using (process)
        {
            while (process.Run(Deadline) is { } stop)
            {
                atStop?.Invoke(stop, process);
            }

            var text = Encoding.UTF8.GetString(Files.ReadToEnd(output, 1 << 20));
            return (text, Processes.WaitPidfd(process.Pidfd));
        }
    }

    /// <summary>The error of a plan that must not get as far as its program.</summary>
    internal static PlanException Fails(
        Action<PlanBuilder> steps, NamespaceFlags namespaces = NamespaceFlags.None, Action<string, PlanProcess>? atStop = null)
        => Xunit.Assert.Throws<PlanException>(() => Run(
            builder =>
            {
                steps(builder);
                builder.Shell("exit 99");
            },
            namespaces,
            atStop));
}
