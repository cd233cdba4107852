using System.Diagnostics;
using Xunit;

namespace Crisp.Cgroups.Tests;

/// <summary>A cgroup of this machine's own kind, and processes in it that end with the test.</summary>
internal sealed class CgroupFixture : IDisposable
{
    internal static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly List<Process> _processes = [];

    internal CgroupFixture()
    {
        Assert.SkipUnless(Linux.Processes.EffectiveUid == 0, "needs root");
        Manager = CgroupManager.Detect();
        Parent = CgroupPath.Parse($"crisp-test-{Guid.NewGuid():n}");
        Cgroup = Manager.Create(Parent.Child("container"));
    }

    internal ICgroupManager Manager { get; }

    internal CgroupPath Parent { get; }

    internal ICgroup Cgroup { get; }

    internal bool IsV1 => Manager.Version == CgroupVersion.V1;

    /// <summary>The cgroup's directory in the hierarchy of a controller.</summary>
    internal string DirectoryOf(string controller)
    {
        foreach (var hierarchy in CgroupHierarchy.Read(File.ReadAllText("/proc/self/mountinfo"), File.ReadAllText("/proc/cgroups")))
        {
            if (hierarchy.Has(controller) || (!IsV1 && hierarchy.Unified))
            {
                return $"{hierarchy.MountPoint}/{Cgroup.Path}";
            }
        }

        Assert.Skip($"needs the {controller} controller");
        return "";
    }

    internal void Requires(string controller) => Assert.SkipUnless(Manager.Facts.Has(controller), $"needs the {controller} controller");

    /// <summary>Starts a shell that waits until it is in the cgroup, and then runs the script.</summary>
    internal Process Run(string script, ICgroup? cgroup = null)
    {
        var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"read go; {script}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _processes.Add(process);
        (cgroup ?? Cgroup).AddProcess(process.Id);
        process.StandardInput.WriteLine();
        return process;
    }

    /// <summary>Runs a script to its end.</summary>
    internal string Output(string script)
    {
        var process = Run($"exec 2>&1; {script}");
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.Trim();
    }

    internal static void WaitFor(Func<bool> condition, string what)
        => Assert.True(CgroupTree.Until(Deadline, condition), $"did not happen: {what}");

    public void Dispose()
    {
        var parent = Manager.Open(Parent);
        parent.Kill(Deadline);
        foreach (var process in _processes)
        {
            process.WaitForExit();
            process.Dispose();
        }

        parent.Remove(Deadline);
    }
}
