using Crisp.Linux.Tests.Plans;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class MemfdTests
{
    [Fact]
    public void Seal_MakesTheContentUnchangeable()
    {
        using var file = Memfd.Create("sealed");
        Files.WriteAll(file, "content"u8);
        Assert.False(Memfd.IsSealed(file));
        Memfd.Seal(file);

        Assert.True(Memfd.IsSealed(file));
        var error = Assert.Throws<LinuxException>(() => Files.Write(file, "x"u8));
        Assert.Equal("write /memfd:sealed (deleted): EPERM, operation not permitted", error.Message);
        Assert.Equal(Errno.EPERM, Assert.Throws<LinuxException>(() => Files.Truncate(file, 0)).Errno);
        Assert.Equal(Errno.EPERM, Assert.Throws<LinuxException>(() => Files.Truncate(file, 100)).Errno);

        // A descriptor that is opened anew cannot do more.
        using var again = Files.Open(file.ProcPath, OpenFlags.ReadWrite);
        Assert.Equal(Errno.EPERM, Assert.Throws<LinuxException>(() => Files.Write(again, "x"u8)).Errno);
        Assert.Equal("content"u8, Files.ReadToEnd(again, 100));
    }

    [Fact]
    public void Seal_Twice_IsRefused()
    {
        using var file = Memfd.Create("sealed");
        Memfd.Seal(file);

        Assert.Equal("fcntl F_ADD_SEALS: EPERM, operation not permitted", Assert.Throws<LinuxException>(() => Memfd.Seal(file)).Message);
    }

    [Fact]
    public void IsSealed_OfAnOrdinaryFile_SaysWhatFailed()
    {
        using var file = Files.Open("/proc/self/status", OpenFlags.ReadOnly);

        Assert.Equal("fcntl F_GET_SEALS: EINVAL, invalid argument", Assert.Throws<LinuxException>(() => Memfd.IsSealed(file)).Message);
    }

    [Fact]
    public void Executable_RunsFromItsDescriptor()
    {
        using var file = Memfd.Create("program", executable: true);
        Files.WriteAll(file, File.ReadAllBytes("/bin/sh"));
        Memfd.Seal(file);

        var (output, exit) = PlanRunner.Run(b =>
        {
            b.SignalsDefault();
            b.ExecveAt(b.Descriptor("program", file), ["sh", "-c", "readlink /proc/$$/exe; exit 9"], PlanRunner.Environment);
        });

        Assert.Equal(("/memfd:program (deleted)\n", 9), (output, exit.ExitCode));
    }

    [Fact]
    public void NotExecutable_IsNoProgram()
    {
        Assert.SkipUnless(Environment.OSVersion.Version >= new Version(6, 3), "needs Linux 6.3 (MFD_NOEXEC_SEAL)");
        using var file = Memfd.Create("data");
        Files.WriteAll(file, File.ReadAllBytes("/bin/sh"));

        Assert.Equal(Errno.EPERM, Assert.Throws<LinuxException>(() => Files.Fchmod(file, 0x1ED)).Errno);
    }

    [Fact]
    public void Create_NameThatIsTooLong_SaysWhatFailed()
    {
        var name = new string('n', 250);

        Assert.Equal($"memfd_create {name}: EINVAL, invalid argument", Assert.Throws<LinuxException>(() => Memfd.Create(name)).Message);
    }
}
