using Crisp.Linux.Plans;
using Xunit;

namespace Crisp.Linux.Tests.Plans;

public sealed class PlanTests
{
    private const NamespaceFlags Five = NamespaceFlags.Mount | NamespaceFlags.Uts | NamespaceFlags.Ipc | NamespaceFlags.Pid | NamespaceFlags.Network;

    [Fact]
    public void Run_Shell_GivesItsOutputAndExitCode()
    {
        var (output, exit) = PlanRunner.Run(_ => { }, "echo hello; exit 3");

        Assert.Equal("hello\n", output);
        Assert.Equal(3, exit.ExitCode);
    }

    [Fact]
    public void Run_Namespaces_PivotsIntoAFreshRoot()
    {
        Root.Required();
        var (output, exit) = PlanRunner.Run(
            b =>
            {
                b.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Private);
                var root = b.OpenTree(PlanDescriptor.CurrentDirectory, "/", OpenTreeFlags.Clone | OpenTreeFlags.Recursive);
                b.MountSetAttr(root, MountAttributes.ReadOnly, recursive: true);
                b.MoveMount(root, string.Empty, PlanDescriptor.CurrentDirectory, "/mnt", MoveMountFlags.FromEmptyPath);
                b.Fchdir(root);
                b.PivotRoot(".", ".");
                b.Umount2(".", UnmountFlags.Detach);
                var context = b.FsOpen("proc").As("proc");
                b.FsConfigCreate(context);
                var proc = b.FsMount(context, MountAttributes.NoSuid | MountAttributes.NoDev | MountAttributes.NoExec).As("procfs");
                b.MoveMount(proc, string.Empty, PlanDescriptor.CurrentDirectory, "/proc", MoveMountFlags.FromEmptyPath);
                b.SetHostname("plan");
                b.NoNewPrivileges();
                b.CloseRange(3);
            },
            "echo $$; hostname; grep NoNewPrivs /proc/self/status; ls /proc/self/fd; ls -d /proc/[0-9]*; touch /x 2>&1; ip link 2>/dev/null | grep -c mtu",
            Five);

        Assert.Contains("1\nplan\nNoNewPrivs:\t1\n0\n1\n2\n3\n", output);
        Assert.Contains("/proc/1\n", output);
        Assert.Contains("Read-only file system", output);
        Assert.DoesNotContain($"/proc/{Environment.ProcessId}\n", output);
    }
}
