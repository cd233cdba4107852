using Crisp.Linux.Tests.Interop;
using Xunit;

namespace Crisp.Linux.Tests.Quotas;

public sealed class ProjectQuotaTests
{
    private const uint Project = 2_000_000_001;
    private const ulong Mebibyte = 1 << 20;

    public static TheoryData<string> Filesystems => [.. QuotaFilesystem.Types];

    [Theory]
    [MemberData(nameof(Filesystems))]
    public void Limit_HoldsForAllThatIsMadeInTheDirectory(string type)
    {
        using var filesystem = QuotaFilesystem.Mount(type, "prjquota");
        using var root = Files.Open(filesystem.Path, OpenFlags.Directory);
        Assert.Equal(ProjectQuotaState.Enforced, ProjectQuota.StateOf(root));
        Assert.True(ProjectQuota.Usage(root, Project).IsFree);

        using var directory = Assign(filesystem.Path, "limited");
        ProjectQuota.SetLimit(root, Project, (4 * Mebibyte) - 1);
        Directory.CreateDirectory(Path.Combine(filesystem.Path, "limited", "below"));
        var error = WriteUntilRefused(Path.Combine(filesystem.Path, "limited", "below", "file"), 8 * Mebibyte);
        Assert.Contains(error, (Errno[])[Errno.EDQUOT, Errno.ENOSPC]);

        var usage = ProjectQuota.Usage(root, Project);
        Assert.Equal((4 * Mebibyte, 3UL, false), (usage.LimitBytes, usage.Inodes, usage.HasOtherLimits));
        Assert.InRange(usage.Bytes, 3 * Mebibyte, 4 * Mebibyte);
        Assert.Equal(4 * Mebibyte, SpaceOf(directory));
        Assert.Equal(Errno.None, WriteUntilRefused(Path.Combine(filesystem.Path, "free"), 8 * Mebibyte));
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public void ProjectWithoutFilesAndLimit_IsFree(string type)
    {
        using var filesystem = QuotaFilesystem.Mount(type, "prjquota");
        using var root = Files.Open(filesystem.Path, OpenFlags.Directory);
        ProjectQuota.SetLimit(root, Project, Mebibyte);
        Assert.False(ProjectQuota.Usage(root, Project).IsFree);
        ProjectQuota.SetLimit(root, Project, 0);
        Assert.True(ProjectQuota.Usage(root, Project).IsFree);

        using (var directory = Assign(filesystem.Path, "used"))
        {
            Assert.Equal((Project, 0U), (ProjectQuota.Of(directory), ProjectQuota.Of(root)));
        }

        Assert.False(ProjectQuota.Usage(root, Project).IsFree);
        Directory.Delete(Path.Combine(filesystem.Path, "used"));
        QuotaFilesystem.AwaitFree(root, Project);
    }

    [Theory]
    [InlineData("ext4", "defaults", ProjectQuotaState.Accounting)]
    [InlineData("xfs", "pqnoenforce", ProjectQuotaState.Accounting)]
    [InlineData("xfs", "defaults", ProjectQuotaState.Off)]
    [InlineData("xfs", "usrquota", ProjectQuotaState.Off)]
    public void FilesystemMountedOtherwise_LimitsNothing(string type, string options, ProjectQuotaState state)
    {
        using var filesystem = QuotaFilesystem.Mount(type, options);
        using var root = Files.Open(filesystem.Path, OpenFlags.Directory);
        Assert.Equal(state, ProjectQuota.StateOf(root));
    }

    [Fact]
    public void FilesystemWithoutProjects_SaysSo()
    {
        Root.Required();
        using var directory = Files.Open("/proc", OpenFlags.Directory);
        Assert.Equal((ProjectQuotaState.Off, 0U), (ProjectQuota.StateOf(directory), ProjectQuota.Of(directory)));
        Assert.Throws<LinuxException>(() => ProjectQuota.Usage(directory, Project));
        Assert.Throws<LinuxException>(() => ProjectQuota.SetLimit(directory, Project, Mebibyte));
        Assert.Throws<LinuxException>(() => ProjectQuota.Assign(directory, Project));
    }

    [Fact]
    public void RequestsThatChangeAProject_AreTheHeaders()
    {
        string[] names = ["FS_IOC_FSSETXATTR", "FS_IOC_SETFLAGS", "FS_IOC32_SETFLAGS"];
        var values = Headers.Values(names);
        Assert.Equal(names.Select(n => (uint)values[n]), ProjectQuota.ChangingRequests);
    }

    private static FileDescriptor Assign(string path, string name)
    {
        var directory = Files.Open(Directory.CreateDirectory(Path.Combine(path, name)).FullName, OpenFlags.Directory);
        ProjectQuota.Assign(directory, Project);
        return directory;
    }

    private static ulong SpaceOf(FileDescriptor directory) => Files.Statfs(directory) is var status ? status.Blocks * (ulong)status.BlockSize : 0;

    /// <summary>Without CAP_SYS_RESOURCE, with which ext4 lets a process beyond every limit.</summary>
    private static Errno WriteUntilRefused(string path, ulong bytes) => OwnThread.Run(() =>
    {
        Restrictions.KeepCapabilities(new CapabilitySet(Restrictions.EffectiveCapabilities().Bits & ~CapabilitySet.Of("CAP_SYS_RESOURCE").Bits));
        using var file = Files.Open(path, OpenFlags.Create | OpenFlags.WriteOnly, 0x1A4);
        try
        {
            for (ulong written = 0; written < bytes; written += Mebibyte)
            {
                Files.WriteAll(file, new byte[Mebibyte]);
            }

            return Errno.None;
        }
        catch (LinuxException e)
        {
            return e.Errno;
        }
    });
}
