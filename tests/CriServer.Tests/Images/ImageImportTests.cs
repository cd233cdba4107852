using System.Security.Cryptography;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Pods;
using Xunit;

namespace Crisp.CriServer.Tests.Images;

/// <summary><c>crisp image import</c> as a person uses it, and a daemon that dies meanwhile.</summary>
public sealed class ImageImportTests : IAsyncLifetime
{
    private CrispDaemon _daemon = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Layers need root.");
        TestImage.RequireBusybox();
        _daemon = await CrispDaemon.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }
    }

    [Fact]
    public async Task Import_PrintsNamesAndId()
    {
        var archive = new TestImage("localhost/crisp/a:1").WriteTo(_daemon.Scratch);
        var (code, output, error) = await RunAsync(archive);
        Assert.Equal((0, ""), (code, error));
        var image = Assert.Single((await _daemon.Images.ListImagesAsync(new ListImagesRequest())).Images);
        Assert.Equal($"localhost/crisp/a:1 {image.Id}\n", output);
    }

    [Fact]
    public async Task RelativePath_IsTheCallersOwn()
    {
        var archive = new TestImage("localhost/crisp/a:1").WriteTo(_daemon.Scratch);
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, archive);
        Assert.Equal(0, (await RunAsync(relative)).Code);
    }

    [Theory]
    [InlineData("/no/such/file", "ENOENT")]
    [InlineData("/etc/hostname", "tar archive")]
    [InlineData("/etc", "neither an OCI layout")]
    [InlineData("/dev/null", "neither a directory nor a regular file")]
    public async Task WhatIsNoImage_IsRefusedWithPathAndReason(string path, string reason)
    {
        var (code, output, error) = await RunAsync(path);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains(path, error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NameThatIsNone_IsRefused()
    {
        var archive = new TestImage("localhost/crisp/a:1").WriteTo(_daemon.Scratch);
        var (code, _, error) = await RunAsync("--name", "Not A Name", archive);
        Assert.Equal(1, code);
        Assert.Contains("\"Not A Name\" is not an image reference", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_SaysWhoOpensThePath()
        => Assert.Contains("The daemon opens it", (await CrispProcess.RunAsync("image", "import", "--help")).Output, StringComparison.Ordinal);

    [Fact]
    public async Task DeathsAtAnyMoment_LoseNothingAndLeaveNothing()
    {
        var image = new TestImage("localhost/crisp/large:1");
        for (var i = 0; i < 4; i++)
        {
            // Random, so that reading takes its time.
            image.Layer(tar => TestImage.Put(tar, $"large-{i}", RandomNumberGenerator.GetBytes(8 << 20)));
        }

        var archive = image.WriteTo(_daemon.Scratch);
        await _daemon.ImportAsync(new TestImage("localhost/crisp/kept:1").WriteTo(_daemon.Scratch), "localhost/crisp/kept:1");
        var random = new Random(20260101);
        for (var round = 0; round < 8; round++)
        {
            var import = RunAsync(archive);
            await Task.Delay(random.Next(20, 900), TestContext.Current.CancellationToken);
            await _daemon.KillAsync();
            await import;
            await _daemon.StartAgainAsync();
            Assert.DoesNotContain("set aside", _daemon.Log, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_daemon.Root, "images", "work")));
            var names = (await _daemon.Images.ListImagesAsync(new ListImagesRequest())).Images.SelectMany(i => i.RepoTags).ToList();
            Assert.Contains("localhost/crisp/kept:1", names);
            if (names.Count > 1)
            {
                await _daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Name } });
            }
        }

        Assert.Equal(0, (await RunAsync(archive)).Code);
        await _daemon.Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = image.Name } });
        Assert.Single(Directory.GetFileSystemEntries(Path.Combine(_daemon.Root, "images", "layers")));
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
        => CrispProcess.RunAsync(["image", "import", "--socket", _daemon.SocketPath, .. arguments]);
}
