using System.Text.RegularExpressions;
using Crisp.Linux.Seccomp;
using Xunit;

namespace Crisp.Linux.Tests.Seccomp;

public sealed partial class SystemCallTableTests
{
    [Theory]
    [InlineData("64", SeccompArchitecture.X86_64)]
    [InlineData("32", SeccompArchitecture.X86)]
    [InlineData("x32", SeccompArchitecture.X32)]
    public void Numbers_AreThoseOfTheHeaders(string header, SeccompArchitecture architecture)
    {
        var file = $"/usr/include/x86_64-linux-gnu/asm/unistd_{header}.h";
        Assert.SkipUnless(File.Exists(file), "needs the kernel's headers (Debian: linux-libc-dev)");
        var bit = architecture == SeccompArchitecture.X32 ? 0x4000_0000u : 0;
        var known = File.ReadLines(file).Select(line => Definition().Match(line)).Where(m => m.Success)
            .ToDictionary(m => m.Groups[1].Value, m => uint.Parse(m.Groups[2].Value) | bit);
        Assert.InRange(known.Count, 300, 1000);
        Assert.All(known, call => Assert.Equal((call.Key, (uint?)call.Value), (call.Key, SystemCallTable.Find(call.Key, architecture))));
    }

    [Fact]
    public void Numbers_AreUniqueOnEachMachine()
    {
        foreach (var architecture in Enum.GetValues<SeccompArchitecture>())
        {
            var numbers = SystemCallTable.Names.Select(n => SystemCallTable.Find(n, architecture)).OfType<uint>().ToList();
            Assert.Equal(numbers.Count, numbers.Distinct().Count());
        }
    }

    [Fact]
    public void UnknownName_HasNoNumber() => Assert.Null(SystemCallTable.Find("fly", SeccompArchitecture.X86_64));

    [GeneratedRegex(@"^#define __NR_(\w+)\s+\(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?")]
    private static partial Regex Definition();
}
