using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class ContainerMountsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Mounts_ComeByDepthAndTheKernelsFirst()
    {
        var spec = SpecInputs.Build(
            c => c.Mounts.AddRange([Mount("/a/b/c"), Mount("/a"), Mount("/a/b"), Mount("/z")]), i => i with { Volumes = ["/v/w", "/a"] });
        Assert.Equal(
            [
                "/proc", "/sys", "/a", "/z",
                "/dev/pts", "/dev/mqueue", "/dev/shm", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/v/w", "/a/b",
                "/sys/fs/cgroup", "/a/b/c",
            ],
            spec.Mounts.Select(m => m.Target));
    }

    [Fact]
    public void Mount_ReplacesTheOneThatWeWouldMake()
    {
        var spec = SpecInputs.Build(c => c.Mounts.AddRange([Mount("/dev/shm/"), Mount("//etc/./hosts")]));
        Assert.Equal(_directory.Path, ((BindSource)Assert.Single(spec.Mounts, m => m.Target == "/dev/shm").Source).Path);
        Assert.Equal(_directory.Path, ((BindSource)Assert.Single(spec.Mounts, m => m.Target == "/etc/hosts").Source).Path);
    }

    [Fact]
    public void Source_IsResolvedOnTheNode()
    {
        var link = _directory.Combine("link");
        var real = Directory.CreateDirectory(_directory.Combine("real")).FullName;
        File.CreateSymbolicLink(link, real);
        Assert.Equal(real, Source(link));
    }

    [Fact]
    public void SourceThatIsMissing_IsMade()
    {
        var path = _directory.Combine("a/b");
        Assert.Equal(path, Source(path));
        Assert.True(Directory.Exists(path));
    }

    [Fact]
    public void SourceThatCannotBe_IsRefusedWithPathAndTarget()
    {
        File.WriteAllText(_directory.Combine("file"), "");
        File.CreateSymbolicLink(_directory.Combine("dangling"), _directory.Combine("nowhere"));
        File.CreateSymbolicLink(_directory.Combine("loop"), _directory.Combine("loop"));
        foreach (var path in (string[])["relative", "", _directory.Combine("file/below"), _directory.Combine("dangling"), _directory.Combine("loop")])
        {
            var error = Refused(new Mount { ContainerPath = "/target", HostPath = path });
            Assert.Contains("/target", error, StringComparison.Ordinal);
            Assert.Contains(path, error, StringComparison.Ordinal);
        }

        Assert.False(Path.Exists(_directory.Combine("nowhere")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/a/../b")]
    [InlineData("/proc")]
    [InlineData("/proc/sys")]
    [InlineData("/proc/self/attr")]
    public void TargetThatCannotBe_IsRefused(string target) => Refused(new Mount { ContainerPath = target, HostPath = _directory.Path });

    [Fact]
    public void RecursiveReadonly_NeedsReadonlyAndPrivate()
    {
        Refused(new Mount { ContainerPath = "/a", HostPath = _directory.Path, RecursiveReadOnly = true });
        Refused(new Mount
        {
            ContainerPath = "/a",
            HostPath = _directory.Path,
            RecursiveReadOnly = true,
            Readonly = true,
            Propagation = Cri.V1.MountPropagation.PropagationHostToContainer,
        });
        var mount = Mount("/a");
        mount.Readonly = mount.RecursiveReadOnly = true;
        Assert.True(SpecInputs.Build(c => c.Mounts.Add(mount)).Mounts.Single(m => m.Target == "/a").RecursiveReadonly);
    }

    [Fact]
    public void MountOptions_AreTakenOrRefused()
    {
        var mount = Mount("/a");
        mount.MountOptions.AddRange(["noexec", "nodev", "nosuid"]);
        var made = SpecInputs.Build(c => c.Mounts.Add(mount)).Mounts.Single(m => m.Target == "/a");
        Assert.True(made.Noexec && made.Nodev && made.Nosuid);
        mount.MountOptions.Add("exec");
        Refused(mount);
    }

    [Theory]
    [InlineData(100000, true, true)]
    [InlineData(100000, false, false)]
    [InlineData(200000, true, false)]
    public void IdMappings_AreThePods(uint host, bool groups, bool good)
    {
        var pod = new IdMapSpec(0, 100000, 65536);
        var mount = Mount("/a");
        var map = new IDMapping { ContainerId = 0, HostId = host, Length = 65536 };
        mount.UidMappings.Add(map);
        mount.GidMappings.AddRange(groups ? [map] : []);
        ContainerSpec Build() => SpecInputs.Build(
            c => c.Mounts.Add(mount), sandbox: s => s with { Spec = s.Spec with { UidMappings = [pod], GidMappings = [pod] } });
        if (good)
        {
            Assert.Equal([pod], Build().Mounts.Single(m => m.Target == "/a").UidMappings);
            Assert.Contains(
                "are not those of the pod's user namespace",
                Assert.Throws<CriException>(() => SpecInputs.Build(c => c.Mounts.Add(mount))).Message,
                StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<CriException>(Build).Code);
        }
    }

    [Fact]
    public void ImageVolume_IsAReadOnlyOverlayOfItsLayers()
    {
        var mount = SpecInputs.Build(c => c.Mounts.Add(ImageMount(m => m.ImageSubPath = "usr/share"))).Mounts.Single(m => m.Target == "/a");
        Assert.True(mount.Readonly);
        Assert.Equal((false, true, false), (mount.Nosuid, mount.Nodev, mount.Noexec));
        var source = Assert.IsType<OverlaySource>(mount.Source);
        Assert.Equal(["/layers/volume"], source.Lower);
        Assert.Equal((null, null, "usr/share"), (source.Upper, source.Work, source.SubPath));
    }

    [Fact]
    public void ImageVolumesThatContradictThemselves_AreRefused()
    {
        Refuse("needs readonly", m => m.Readonly = false);
        Refuse("not both", m => m.HostPath = "/a");
        Refuse("not both", m => m.Image.Image = "");
        Refuse("image_sub_path", m => m.ImageSubPath = "a/../../b");
        Refuse("but no image", m => (m.ImageSubPath, m.Image, m.HostPath) = ("x", null, "/"));

        static void Refuse(string reason, Action<Mount> change)
        {
            var error = Assert.Throws<CriException>(() => SpecInputs.Build(c => c.Mounts.Add(ImageMount(change))));
            Assert.Equal(StatusCode.InvalidArgument, error.Code);
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        }
    }

    private static Mount ImageMount(Action<Mount> change)
    {
        var mount = new Mount { ContainerPath = "/a", Readonly = true, Image = new ImageSpec { Image = "volume" } };
        change(mount);
        return mount;
    }

    [Fact]
    public void Volume_OfTheImageGetsADirectoryUnlessItIsCovered()
    {
        var input = SpecInputs.Make(c => c.Mounts.Add(Mount("/data/")), i => i with { Volumes = ["/data", "/other", "other/", "/"] });
        Assert.Equal([new AnonymousVolume("/other", "/root/containers/c/volumes/0")], ContainerSpecBuilder.AnonymousVolumes(input));
    }

    [Fact]
    public void Device_IsLookedAtOnTheNode()
    {
        var spec = SpecInputs.Build(c => c.Devices.Add(new Device { HostPath = "/dev/null", ContainerPath = "/dev/mine", Permissions = "r" }));
        var device = Assert.Single(spec.Devices);
        Assert.Equal(("/dev/mine", 'c', 1U, 3U), (device.Path, device.Type, device.Major, device.Minor));
        Assert.Equal(new DeviceRuleSpec(true, 'c', 1, 3, "r"), spec.DeviceRules[^1]);
    }

    [Theory]
    [InlineData("/dev/does-not-exist", "/dev/a", "r")]
    [InlineData("/etc/passwd", "/dev/a", "r")]
    [InlineData("/dev/null", "/dev/../a", "r")]
    [InlineData("dev/null", "/dev/a", "r")]
    [InlineData("/dev/null", "/dev/a", "x")]
    [InlineData("/dev/null\0", "/dev/mine", "r")]
    [InlineData("/dev/null", "/dev/mine\0", "r")]
    public void DeviceThatIsNone_IsRefused(string host, string container, string permissions) => Assert.Equal(
        StatusCode.InvalidArgument,
        Assert.Throws<CriException>(() => SpecInputs.Build(
            c => c.Devices.Add(new Device { HostPath = host, ContainerPath = container, Permissions = permissions }))).Code);

    private Mount Mount(string target) => new() { ContainerPath = target, HostPath = _directory.Path };

    private static string Source(string path)
    {
        var spec = SpecInputs.Build(c => c.Mounts.Add(new Mount { ContainerPath = "/a", HostPath = path }));
        return ((BindSource)spec.Mounts.Single(m => m.Target == "/a").Source).Path;
    }

    private static string Refused(Mount mount)
    {
        var error = Assert.Throws<CriException>(() => SpecInputs.Build(c => c.Mounts.Add(mount)));
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        return error.Message;
    }
}
