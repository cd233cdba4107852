using System.Diagnostics;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class ResourceLimitsTests
{
    [Theory]
    [InlineData("ulimit -S -n 321", 321UL)]
    [InlineData("true", null)]
    public async Task DescriptorsOf_AnotherUsersProcess_NeedsNoRight(string before, ulong? expected)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Another user's process needs root.");

        // prlimit(2) would need CAP_SYS_RESOURCE for it, which not every node's root has.
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{before}; exec setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'echo ready; exec sleep 100'"])
        {
            RedirectStandardOutput = true,
        })!;
        try
        {
            Assert.Equal("ready", await process.StandardOutput.ReadLineAsync());
            Assert.Equal(expected ?? ResourceLimits.Descriptors, ResourceLimits.DescriptorsOf(process.Id));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    [Fact]
    public void DescriptorsOf_AProcessThatHasEnded_IsNotThere()
        => Assert.Contains(Assert.Throws<LinuxException>(() => ResourceLimits.DescriptorsOf(int.MaxValue)).Errno, (Errno[])[Errno.ENOENT, Errno.ESRCH]);

    [Theory]
    [InlineData("Max open files            unlimited            unlimited            files     ", ResourceLimits.Infinity)]
    [InlineData("Max open files            1024                 524288               files     ", 1024UL)]
    public void SoftDescriptors_AreReadFromTheKernelsTable(string line, ulong expected)
        => Assert.Equal(expected, ResourceLimits.SoftDescriptors($"Limit                     Soft Limit           Hard Limit           Units     \nMax processes             7 8 processes\n{line}\n"));
}
