using System.Text.Json;
using Crisp.Api.V1;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Crisp.CriServer.Tests.Pods;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Images;

/// <summary>CRI's ImageService on images that crisp image import brought in.</summary>
public sealed class ImageServiceTests : IAsyncLifetime
{
    private CrispDaemon _daemon = null!;

    private ImageService.ImageServiceClient Images => _daemon.Images;

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
    public async Task EmptyNode_HasNoImages()
    {
        Assert.Empty((await Images.ListImagesAsync(new ListImagesRequest())).Images);
        Assert.Null((await StatusAsync("busybox")).Image);
        Assert.Empty(await Images.StreamImages(new StreamImagesRequest()).ResponseStream.ReadAllAsync().ToListAsync());
    }

    [Fact]
    public async Task ImportedImage_IsFoundByEveryFormOfReference()
    {
        var (id, digest) = await ImportAsync(new TestImage("localhost/crisp/a:1"));
        foreach (var reference in (string[])[id, id[7..], id[7..20], "localhost/crisp/a:1", digest])
        {
            var image = (await StatusAsync(reference)).Image;
            Assert.Equal(id, image.Id);
            Assert.Equal(["localhost/crisp/a:1"], image.RepoTags);
            Assert.Equal([digest], image.RepoDigests);
            Assert.True(image.Size > 0);
            Assert.Equal([id], (await ListAsync(reference)).Select(i => i.Id));
        }

        Assert.Null((await StatusAsync("localhost/crisp/a")).Image);
        Assert.Empty(await ListAsync("localhost/crisp/b:1"));
    }

    [Fact]
    public async Task NameWithoutTag_IsLatest()
    {
        var (id, _) = await ImportAsync(new TestImage("localhost/crisp/a:latest"));
        Assert.Equal(id, (await StatusAsync("localhost/crisp/a")).Image.Id);
    }

    [Fact]
    public async Task EmptyReference_IsRefused()
    {
        var (code, message) = await PodNode.RefusedAsync(async () => await StatusAsync(""));
        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Contains("image.image", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task VerboseStatus_HasTheConfigAsItCame()
    {
        var (id, _) = await ImportAsync(new TestImage("localhost/crisp/a:1").With("WorkingDir", "/srv"));
        Assert.Empty((await StatusAsync(id)).Info);
        var info = (await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = id }, Verbose = true })).Info["info"];
        var spec = JsonDocument.Parse(info).RootElement.GetProperty("imageSpec");
        Assert.Equal("/srv", spec.GetProperty("config").GetProperty("WorkingDir").GetString());
    }

    [Theory]
    [InlineData("1002", 1002L, "")]
    [InlineData("1003:1004", 1003L, "")]
    [InlineData("0", 0L, "")]
    [InlineData("www-data", null, "www-data")]
    [InlineData("www-data:1004", null, "www-data")]
    [InlineData("", null, "")]
    [InlineData("4294967296", null, "4294967296")]
    public async Task User_IsANumberOrAName(string user, long? uid, string username)
    {
        var (id, _) = await ImportAsync(new TestImage("localhost/crisp/user:1").With("User", user));
        var image = (await StatusAsync(id)).Image;
        Assert.Equal((uid, username), (image.Uid?.Value, image.Username));
    }

    [Fact]
    public async Task Remove_ByOneTagTakesTheImageWithAllAndIsIdempotent()
    {
        var image = new TestImage("localhost/crisp/a:1");
        var (id, _) = await ImportAsync(image);
        var archive = image.WriteTo(_daemon.Scratch);
        await _daemon.ImportAsync(archive, "example.com/other:2");
        Assert.Equal(["localhost/crisp/a:1", "example.com/other:2"], (await StatusAsync(id)).Image.RepoTags);
        for (var i = 0; i < 2; i++)
        {
            await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = "example.com/other:2" } });
            Assert.Empty((await Images.ListImagesAsync(new ListImagesRequest())).Images);
        }

        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_daemon.Root, "images", "layers")));
    }

    [Fact]
    public async Task FsInfo_GrowsAndShrinksWithTheImages()
    {
        var before = await UsageAsync();
        var (id, _) = await ImportAsync(new TestImage("localhost/crisp/a:1"));
        var after = await UsageAsync();
        var size = (await StatusAsync(id)).Image.Size;
        Assert.InRange(after.UsedBytes.Value, before.UsedBytes.Value + size, before.UsedBytes.Value + (2 * size));
        Assert.True(after.InodesUsed.Value > before.InodesUsed.Value + 12);
        Assert.True(Directory.Exists(after.FsId.Mountpoint));
        await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = id } });
        Assert.Equal(before.InodesUsed, (await UsageAsync()).InodesUsed);
    }

    [Fact]
    public async Task Stream_HasEveryImageOnce()
    {
        var image = new TestImage("localhost/crisp/a:1");
        for (var i = 0; i < 60; i++)
        {
            var request = new ImportImageRequest { Path = image.With("WorkingDir", $"/{i}").WriteTo(_daemon.Scratch) };
            await new ImageImports.ImageImportsClient(_daemon.Channel).Import(request).ResponseStream.ReadAllAsync().ToListAsync();
        }

        var messages = await Images.StreamImages(new StreamImagesRequest()).ResponseStream.ReadAllAsync().ToListAsync();
        Assert.All(messages, m => Assert.NotEmpty(m.Images));
        var ids = messages.SelectMany(m => m.Images).Select(i => i.Id).ToList();
        Assert.Equal(60, ids.Distinct().Count());
        Assert.Equal(ids, (await Images.ListImagesAsync(new ListImagesRequest())).Images.Select(i => i.Id));
    }

    [Fact]
    public async Task PinnedImages_AreMarked()
    {
        var file = Path.Combine(_daemon.Scratch, "config.toml");
        await File.WriteAllTextAsync(file, "images.pinned = [\"localhost/crisp/pinned\"]\n");
        await using var daemon = await CrispDaemon.StartAsync("--config", file);
        foreach (var name in (string[])["localhost/crisp/pinned:latest", "localhost/crisp/other:1"])
        {
            var image = new TestImage(name).With("WorkingDir", $"/{name.Length}");
            await daemon.ImportAsync(image.WriteTo(daemon.Scratch), name);
        }

        var images = (await daemon.Images.ListImagesAsync(new ListImagesRequest())).Images;
        Assert.Equal([("localhost/crisp/other:1", false), ("localhost/crisp/pinned:latest", true)], images.Select(i => (i.RepoTags[0], i.Pinned)).Order());
    }

    [Fact]
    public async Task Images_AreThereAfterARestart()
    {
        var (id, digest) = await ImportAsync(new TestImage("localhost/crisp/a:1"));
        var before = (await StatusAsync(id)).Image;
        await _daemon.KillAsync();
        await _daemon.StartAgainAsync();
        Assert.Equal(before, (await StatusAsync(digest)).Image);
    }

    [Fact]
    public async Task DamagedRecord_IsReportedAndTheDaemonStarts()
    {
        var (good, _) = await ImportAsync(new TestImage("localhost/crisp/a:1"));
        var (bad, _) = await ImportAsync(new TestImage("localhost/crisp/b:1").With("WorkingDir", "/b"));
        await _daemon.StopAsync();
        await File.WriteAllTextAsync(Path.Combine(_daemon.Root, "images", "images", $"{bad[7..]}.json"), "{");
        await _daemon.StartAgainAsync();
        Assert.Equal([good], (await Images.ListImagesAsync(new ListImagesRequest())).Images.Select(i => i.Id));
        Assert.Contains($"{bad[7..]}.json", _daemon.Log, StringComparison.Ordinal);
        Assert.Contains("set aside", _daemon.Log, StringComparison.Ordinal);
    }

    private async Task<(string Id, string Digest)> ImportAsync(TestImage image)
    {
        var archive = image.WriteTo(_daemon.Scratch);
        await _daemon.ImportAsync(archive, image.Name);
        File.Delete(archive);
        var found = (await StatusAsync(image.Name)).Image;
        return (found.Id, found.RepoDigests.Single());
    }

    private async Task<ImageStatusResponse> StatusAsync(string reference) =>
        await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = reference } });

    private async Task<IEnumerable<Image>> ListAsync(string reference) =>
        (await Images.ListImagesAsync(new ListImagesRequest { Filter = new ImageFilter { Image = new ImageSpec { Image = reference } } })).Images;

    private async Task<FilesystemUsage> UsageAsync()
    {
        var info = await Images.ImageFsInfoAsync(new ImageFsInfoRequest());
        Assert.Equal(Assert.Single(info.ImageFilesystems).FsId, Assert.Single(info.ContainerFilesystems).FsId);
        Assert.True(info.ImageFilesystems[0].Timestamp > 0);
        return info.ImageFilesystems[0];
    }
}
