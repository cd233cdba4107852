using System.Text.RegularExpressions;
using Crisp.GuestImages.Programs;
using Crisp.Kvm.Tests;
using Crisp.Linux.Tests;
using CsCheck;
using Xunit;

namespace Crisp.GuestImages.Tests.Programs;

public sealed partial class ElfProgramTests
{
    [Theory]
    [InlineData("/usr/bin/dpkg")]
    [InlineData("/bin/ls")]
    [InlineData("/lib/x86_64-linux-gnu/libc.so.6")]
    [InlineData("/bin/busybox")]
    public void Program_NeedsWhatReadelfSays(string path)
    {
        Assert.SkipUnless(File.Exists(path), $"needs {path}");
        Assert.SkipUnless(File.Exists("/usr/bin/readelf"), "needs readelf (Debian: binutils)");
        var said = Tool.Run("readelf", null, "-W", "-d", "-l", path);

        var elf = ElfProgram.Parse(File.ReadAllBytes(path));

        Assert.Equal(NeededLine().Matches(said).Select(m => m.Groups[1].Value), elf.Needed);
        Assert.Equal(InterpreterLine().Match(said) is { Success: true } m ? m.Groups[1].Value : null, elf.Interpreter);
    }

    [Fact]
    public void AnyDamage_IsRefusedOrRead_AndNothingElse()
    {
        var file = File.ReadAllBytes("/bin/ls");
        // Where the headers and the dynamic section are.
        Gen.Select(Gen.OneOf(Gen.Int[0, 1024], Gen.Int[file.Length - 40_000, file.Length - 1]), Gen.Byte).Array[1, 8].Select(Gen.Int[0, file.Length]).Sample(
            (damage, length) =>
            {
                var bytes = file.ToArray();
                foreach (var (offset, value) in damage)
                {
                    bytes[offset] = value;
                }

                try
                {
                    ElfProgram.Parse(bytes.AsSpan(0, length));
                    ElfProgram.Parse(bytes);
                }
                catch (InvalidDataException e)
                {
                    Assert.NotEmpty(e.Message);
                }
            },
            iter: 1000,
            threads: 1);
    }

    [Fact]
    public void Libraries_AreAllThatTheProgramNeeds()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for chroot");
        using var root = new TemporaryDirectory();
        var program = File.ReadAllBytes("/bin/ls");
        foreach (var file in SharedLibraries.Of(program, "ls").Append(new GuestFile("/program", program, true)))
        {
            var path = root.File(file.Path[1..]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Content.ToArray());
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        Assert.Contains("program", Tool.Run("chroot", null, root.Path, "/program", "/"), StringComparison.Ordinal);
    }

    [Fact]
    public void Scripts_NeedNothing() => Assert.Empty(SharedLibraries.Of("#!/bin/sh\n"u8, "script"));

    [GeneratedRegex(@"\(NEEDED\)\s+Shared library: \[(.+)\]")]
    private static partial Regex NeededLine();

    [GeneratedRegex(@"\[Requesting program interpreter: (.+)\]")]
    private static partial Regex InterpreterLine();
}
