using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.Linux;
using Crisp.Linux.Tests.Quotas;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class LayerSizesTests
{
    private const string Pod = "crisp.dev/writable-layer-size";
    private const string App = "writable-layer-size.crisp.dev/app";

    [Theory]
    [InlineData("512Mi", 512UL << 20)]
    [InlineData("10G", 10_000_000_000UL)]
    [InlineData("1.5Gi", 3UL << 29)]
    [InlineData("1048576", 1UL << 20)]
    [InlineData("1Pi", 1UL << 50)]
    public void Annotation_IsAQuantity(string text, ulong bytes)
        => Assert.Equal(new LayerSize(bytes, $"the annotation {Pod}"), LayerSizes.Of(new Dictionary<string, string> { [Pod] = text }, "app", usual: null));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("1023Ki")]
    [InlineData("2Pi")]
    [InlineData("-1Gi")]
    [InlineData("1 Gi")]
    [InlineData("1gi")]
    [InlineData("unlimited")]
    public void AnnotationThatIsNone_IsRefusedWithItsName(string text)
    {
        var error = Assert.Throws<CriException>(() => LayerSizes.Of(new Dictionary<string, string> { [App] = text }, "app", usual: 1 << 30));
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        Assert.StartsWith($"The annotation {App} is \"{text}\"; it must be a size from 1Mi to 1Pi", error.Message, StringComparison.Ordinal);
        Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<CriException>(() =>
            LayerSizes.Check(new Dictionary<string, string> { [App] = text }, QuotasIn("/"))).Code);
    }

    [Fact]
    public void Container_GoesBeforeThePod_AndThatBeforeTheNode()
    {
        var annotations = new Dictionary<string, string> { [Pod] = "2Gi", [App] = "1Gi", ["other"] = "x" };
        Assert.Equal(1UL << 30, LayerSizes.Of(annotations, "app", 3L << 30)!.Bytes);
        Assert.Equal(2UL << 30, LayerSizes.Of(annotations, "apple", 3L << 30)!.Bytes);
        annotations.Remove(Pod);
        Assert.Equal(3UL << 30, LayerSizes.Of(annotations, "apple", 3L << 30)!.Bytes);
        Assert.Null(LayerSizes.Of(annotations, "apple", usual: null));
    }

    [Fact]
    public void PodThatAsks_IsRefusedWhereTheFilesystemHasNone()
    {
        LayerSizes.Check(new Dictionary<string, string> { ["note"] = "1Gi" }, QuotasIn("/proc"));
        var error = Assert.Throws<CriException>(() => LayerSizes.Check(new Dictionary<string, string> { [App] = "1Gi" }, QuotasIn("/proc")));
        Assert.Equal(StatusCode.FailedPrecondition, error.Code);
        Assert.StartsWith(
            $"No writable layer can be limited to 1073741824 bytes, as the annotation {App} asks: the filesystem of /proc has no project quota",
            error.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Filesystems))]
    public void Project_IsGivenBackAndNobodyElsesIsTouched(string type)
    {
        using var filesystem = QuotaFilesystem.Mount(type, "prjquota");
        using var root = Files.Open(filesystem.Path, OpenFlags.Directory);
        var quotas = QuotasIn(filesystem.Path);
        var first = quotas.Limit(Directories(filesystem, "a"), new LayerSize(2 << 20, "the test"));
        Assert.InRange(first.Project, LayerQuotas.FirstProject, LayerQuotas.LastProject);

        // The next ones are somebody else's: one has a limit, one has files.
        ProjectQuota.SetLimit(root, first.Project + 1, 1 << 20);
        var foreign = Directory.CreateDirectory(Path.Combine(filesystem.Path, "foreign")).FullName;
        using (var opened = Files.Open(foreign, OpenFlags.Directory))
        {
            ProjectQuota.Assign(opened, first.Project + 2);
        }

        var second = quotas.Limit(Directories(filesystem, "b"), new LayerSize(4 << 20, "the test"));
        Assert.Equal((first.Project + 3, 4UL << 20), (second.Project, ProjectQuota.Usage(root, second.Project).LimitBytes));
        Assert.Equal(3UL, quotas.UsageOf(second)!.Inodes);

        // While files of it are there, a project is nobody's to give.
        quotas.Release(Directories(filesystem, "b"));
        Assert.Equal((0UL, 3UL), (ProjectQuota.Usage(root, second.Project).LimitBytes, ProjectQuota.Usage(root, second.Project).Inodes));
        TreeRemoval.Remove(Path.Combine(filesystem.Path, "b"));
        QuotaFilesystem.AwaitFree(root, second.Project);

        // What was never limited, is not there, or belongs to others, is left alone.
        quotas.Release(new ContainerDirectories(Path.Combine(filesystem.Path, "c")));
        quotas.Release(new ContainerDirectories(filesystem.Path));
        Assert.Equal(1UL << 20, ProjectQuota.Usage(root, first.Project + 1).LimitBytes);
        Assert.Equal(2UL << 20, ProjectQuota.Usage(root, first.Project).LimitBytes);
    }

    [Theory]
    [InlineData("ext4", "defaults")]
    [InlineData("xfs", "pqnoenforce")]
    public void FilesystemThatOnlyCounts_IsNamed(string type, string options)
    {
        using var filesystem = QuotaFilesystem.Mount(type, options);
        Assert.Equal(
            $"the filesystem of {filesystem.Path} counts by project and limits none: mount it with the option prjquota", LayerQuotas.ProblemOf(filesystem.Path));
    }

    public static TheoryData<string> Filesystems => [.. QuotaFilesystem.Types];

    private static LayerQuotas QuotasIn(string path) => new(path, NullLogger.Instance);

    private static ContainerDirectories Directories(QuotaFilesystem filesystem, string name)
    {
        var directories = new ContainerDirectories(Path.Combine(filesystem.Path, name));
        foreach (var path in directories.Layer)
        {
            Directory.CreateDirectory(path);
        }

        return directories;
    }
}
