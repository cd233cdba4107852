using System.Text;
using Crisp.Kvm.Boot.Linux;
using Crisp.Linux.Tests;
using Xunit;

namespace Crisp.Kvm.Tests.Boot.Linux;

public sealed class InitramfsTests
{
    [Fact]
    public void Archive_IsThatOfTheFormat()
    {
        var bytes = Write(a => a.AddFile("init", "#!"u8, 0x1ED));

        Assert.Equal(
            "070701" + "00000001" + "000081ED" + "00000000" + "00000000" + "00000001" + "00000000" + "00000002" + "00000000" + "00000000" + "00000000" + "00000000"
            + "00000005" + "00000000" + "init\0" + "\0" + "#!\0\0"
            + "070701" + "00000000" + "00000000" + "00000000" + "00000000" + "00000001" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000" + "00000000"
            + "0000000B" + "00000000" + "TRAILER!!!\0" + "\0\0\0",
            Encoding.ASCII.GetString(bytes));
    }

    [Fact]
    public void Archive_IsUnderstoodByAnotherProgram()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/cpio") || File.Exists("/bin/cpio"), "needs cpio");
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("a.cpio"), Write(a =>
        {
            a.AddDirectory("bin");
            a.AddFile("bin/app", new byte[12345], 0x1ED);
            a.AddSymlink("init", "bin/app");
            a.AddDirectory("dev");
            a.AddCharacterDevice("dev/console", 5, 1);
        }));
        var lines = Tool.Run("cpio", null, "-itv", "-F", directory.File("a.cpio")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(
            [
                "drwxr-xr-x 2 root root 0 Jan 1 1970 bin", "-rwxr-xr-x 1 root root 12345 Jan 1 1970 bin/app", "lrwxrwxrwx 1 root root 7 Jan 1 1970 init -> bin/app",
                "drwxr-xr-x 2 root root 0 Jan 1 1970 dev", "crw------- 1 root root 5, 1 Jan 1 1970 dev/console",
            ],
            lines.Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/init")]
    [InlineData("TRAILER!!!")]
    [InlineData("a\0b")]
    public void PathThatWouldBreakTheArchive_IsRefused(string path) => Assert.Throws<ArgumentException>(() => Write(a => a.AddFile(path, [])));

    internal static byte[] Write(Action<Initramfs> fill)
    {
        using var output = new MemoryStream();
        var archive = new Initramfs(output);
        fill(archive);
        archive.Finish();
        Assert.Throws<ObjectDisposedException>(() => archive.AddDirectory("late"));
        return output.ToArray();
    }
}
