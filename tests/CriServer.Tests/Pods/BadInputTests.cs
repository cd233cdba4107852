using Crisp.Cri.V1;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>What is wrong is refused with a clear status and a sentence that says what, where and why; nothing stays half made.</summary>
public sealed class BadInputTests(PodNode node) : IClassFixture<PodNode>, IAsyncLifetime
{
    private string _pod = "";

    public async ValueTask InitializeAsync()
    {
        if (node.Daemon is not null)
        {
            _pod = await node.RunPodAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_pod.Length > 0)
        {
            await node.RemovePodAsync(_pod);
            await Invariants.CheckAsync(node);
        }
    }

    [Fact]
    public async Task MissingImage() => await RefusedAsync(
        StatusCode.NotFound, "localhost/no/such:1", c => c.Image.Image = "localhost/no/such:1");

    [Fact]
    public async Task NoImage() => await RefusedAsync(StatusCode.InvalidArgument, "image", c => c.Image = null);

    [Fact]
    public async Task NoName() => await RefusedAsync(StatusCode.InvalidArgument, "name", c => c.Metadata.Name = "");

    [Fact]
    public async Task DuplicateName()
    {
        PodNode.Require();
        var request = new CreateContainerRequest { PodSandboxId = _pod, Config = node.ContainerConfig(["true"]) };
        var first = (await node.Runtime.CreateContainerAsync(request)).ContainerId;
        var (code, message) = await PodNode.RefusedAsync(async () => await node.Runtime.CreateContainerAsync(request));
        Assert.Equal(StatusCode.AlreadyExists, code);
        Assert.Contains(first, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BadMountSource() => await RefusedAsync(
        StatusCode.InvalidArgument, "/etc/passwd/x", c => c.Mounts.Add(new Mount { ContainerPath = "/mnt", HostPath = "/etc/passwd/x" }));

    [Fact]
    public async Task PropagationFromAPrivateMount()
    {
        PodNode.Require();
        var path = Directory.CreateDirectory(Path.Combine(node.Daemon.Scratch, "private")).FullName;
        Linux.Mounts.Mount("tmpfs", path, "tmpfs", Linux.MountFlags.None, "size=64k");
        Linux.Mounts.Mount(null, path, null, Linux.MountFlags.Private);
        try
        {
            await RefusedAsync(StatusCode.FailedPrecondition, "shared", c => c.Mounts.Add(new Mount
            {
                ContainerPath = "/mnt",
                HostPath = path,
                Propagation = MountPropagation.PropagationBidirectional,
            }));
        }
        finally
        {
            Linux.Mounts.Umount2(path);
        }
    }

    [Theory]
    [InlineData("../escape.log")]
    [InlineData("/etc/escape.log")]
    [InlineData("a/../../escape.log")]
    public async Task LogPathThatClimbs(string path) => await RefusedAsync(StatusCode.InvalidArgument, "log_path", c => c.LogPath = path);

    [Fact]
    public async Task LogThatIsASymlink()
    {
        PodNode.Require();
        var directory = node.LogDirectory((await node.PodStatusAsync(_pod)).Metadata.Name);
        var victim = Path.Combine(node.Daemon.Scratch, "victim");
        await File.WriteAllTextAsync(victim, "");
        File.CreateSymbolicLink(Path.Combine(directory, "link.log"), victim);
        await PodNode.RefusedAsync(() => node.LaunchAsync(_pod, ["echo", "x"], c => c.LogPath = "link.log"));
        Assert.Empty(await File.ReadAllTextAsync(victim));
    }

    [Fact]
    public async Task UnknownUser() => await RefusedAsync(
        StatusCode.InvalidArgument, "nobody-here", c => c.Linux.SecurityContext.RunAsUsername = "nobody-here");

    [Fact]
    public async Task UserIdTooLarge() => await RefusedAsync(
        StatusCode.InvalidArgument, "2147483648", c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 2147483648 });

    [Fact]
    public async Task UserNameOfDigits()
    {
        PodNode.Require();
        // A number that no uid_t holds and that the image's /etc/passwd names root (CVE-2026-46680).
        var image = new TestImage("localhost/crisp/digits:1").With("User", "4294967296")
            .Layer(tar => TestImage.Put(tar, "etc/passwd", "root:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n"));
        await node.ImportAsync(image);
        await RefusedAsync(StatusCode.InvalidArgument, "4294967296", c => c.Image.Image = image.Name);
    }

    [Fact]
    public async Task MalformedResources()
    {
        await RefusedAsync(StatusCode.InvalidArgument, "cpu_shares", c => c.Linux.Resources.CpuShares = 1);
        await RefusedAsync(StatusCode.InvalidArgument, "cpuset_cpus", c => c.Linux.Resources.CpusetCpus = "many");
        await RefusedAsync(StatusCode.InvalidArgument, "unified", c => c.Linux.Resources.Unified.Add("../cgroup.procs", "1"));
    }

    [Theory]
    [InlineData("/no/such/program")]
    [InlineData("/etc")]
    [InlineData("not-in-path")]
    public async Task EntrypointThatCannotRun(string program)
    {
        PodNode.Require();
        var id = await node.CreateAsync(_pod, [program]);
        var (code, message) = await PodNode.RefusedAsync(() => node.StartAsync(id));
        Assert.NotEqual(StatusCode.Unknown, code);
        Assert.Contains(program, message, StringComparison.Ordinal);
        var status = await node.StatusAsync(id);
        Assert.Equal(ContainerState.ContainerExited, status.State);
        Assert.NotEqual(0, status.ExitCode);
        Assert.Contains(program, status.Message, StringComparison.Ordinal);
        await node.RemoveAsync(id);
    }

    [Fact]
    public async Task RunAsGroupAlone() => await RefusedAsync(
        StatusCode.InvalidArgument, "run_as_group", c => c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 1 });

    [Fact]
    public async Task MissingPod()
    {
        PodNode.Require();
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => node.CreateAsync("nothing", ["true"]))).Code);
    }

    [Fact]
    public async Task MetadataOfAPodThatIsMissing()
    {
        PodNode.Require();
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(() => node.RunPodAsync(c => c.Metadata = null))).Code);
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(() => node.RunPodAsync(c => c.Metadata.Uid = ""))).Code);
    }

    [Fact]
    public async Task LogDirectoryThatIsAFile()
    {
        PodNode.Require();
        var (code, message) = await PodNode.RefusedAsync(() => node.RunPodAsync(c => c.LogDirectory = "/etc/passwd"));
        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Contains("/etc/passwd", message, StringComparison.Ordinal);
    }

    // Refused at creation, with a sentence that names the culprit, and nothing of it is there afterwards.
    private async Task RefusedAsync(StatusCode code, string word, Action<ContainerConfig> change)
    {
        PodNode.Require();
        var before = (await node.Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Count;
        var refused = await PodNode.RefusedAsync(() => node.CreateAsync(_pod, ["true"], change));
        Assert.Equal(code, refused.Code);
        Assert.Contains(word, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, (await node.Runtime.ListContainersAsync(new ListContainersRequest())).Containers.Count);
        await Invariants.CheckAsync(node);
    }
}
