using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Crisp.Images.Tests.Registry;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "Image Manager", "Image Consistency" and "Image Identifier Consistency".</summary>
public sealed class ImageManagerTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    private string Repository => $"conformance/{Cri.Id}";

    private string Name(string tag) => $"{Endpoint.Registry.Name}/{Repository}:{tag}";

    [Fact]
    public async Task Pull_ByTag() => await WithAsync(["1"], async ids =>
    {
        var image = await Cri.ImageAsync(Name("1"));
        Assert.Equal(ids[0], image?.Id);
        Assert.Equal([Name("1")], image!.RepoTags);
        Assert.True(image.Size > 0);
        await Cri.RemoveImageAsync(Name("1"));
        Assert.Null(await Cri.ImageAsync(Name("1")));
        Assert.DoesNotContain(ids[0], await ListAsync());
    });

    [Fact]
    public async Task Pull_WithoutATagIsLatest() => await WithAsync(["latest"], async ids =>
    {
        var name = Name("latest")[..^":latest".Length];
        Assert.Equal(ids[0], await Cri.PullAsync(name));
        Assert.Equal([Name("latest")], (await Cri.ImageAsync(name))?.RepoTags);
    });

    [Fact]
    public async Task Pull_ByDigestHasNoTags()
    {
        var name = $"{Endpoint.Registry.Name}/{Repository}@{Endpoint.Serve(Marked("digest"), Repository)}";
        await Cri.PullAsync(name);
        try
        {
            var image = await Cri.ImageAsync(name);
            Assert.Equal([name], image!.RepoDigests);
            Assert.Empty(image.RepoTags);
        }
        finally
        {
            await Endpoint.Connect().RemoveImageAsync(name);
        }
    }

    [Fact]
    public async Task Status_IsTheSameByEveryReference() => await WithAsync(["1"], async ids =>
    {
        var image = await Cri.ImageAsync(Name("1"));
        foreach (var reference in image!.RepoTags.Concat(image.RepoDigests).Append(image.Id))
        {
            Assert.Equal(image, await Cri.ImageAsync(reference));
        }

        Assert.Single(image.RepoDigests);
    });

    [Fact]
    public async Task Identifier_IsTheSameEverywhere() => await WithAsync(["1"], async ids =>
    {
        var container = await Cri.RunAsync(["sleep", "1000"], c => c.Image = new ImageSpec { Image = ids[0], UserSpecifiedImage = Name("1") });
        Assert.Equal(ids[0], (await Cri.ImageAsync(Name("1")))?.Id);
        Assert.Equal(ids[0], (await Cri.StatusAsync(container)).ImageId);
        var listed = await Cri.Runtime.ListContainersAsync(new ListContainersRequest { Filter = new ContainerFilter { Id = container } });
        Assert.Equal(ids[0], Assert.Single(listed.Containers).ImageId);
    });

    [Fact]
    public async Task User_IsAUidOrAName()
    {
        await UserAsync("1002", 1002, "");
        await UserAsync("1003:1004", 1003, "");
        await UserAsync("www-data", null, "www-data");
        await UserAsync("www-data:1004", null, "www-data");
    }

    [Fact]
    public async Task List_HasEveryImageOnce() => await WithAsync(["1", "2", "3"], async ids =>
    {
        Assert.Equal(3, ids.Distinct().Count());
        var listed = await ListAsync();
        Assert.All(ids, id => Assert.Single(listed, id));
    });

    [Fact]
    public async Task TagsOfOneImage_AreOneImageAndGoTogether()
    {
        Endpoint.Serve(Marked("many"), Repository, "1", "2");
        // The same registry under another name is another registry.
        string[] names = [Name("1"), Name("2"), Name("1").Replace("127.0.0.1", "localhost", StringComparison.Ordinal)];
        foreach (var removed in names)
        {
            var ids = new List<string>();
            foreach (var name in names)
            {
                ids.Add(await Cri.PullAsync(name));
            }

            Assert.Single(ids.Distinct());
            Assert.Equivalent(names, (await Cri.ImageAsync(ids[0]))!.RepoTags, strict: true);
            await Cri.RemoveImageAsync(removed);
            foreach (var name in names.Append(ids[0]))
            {
                Assert.Null(await Cri.ImageAsync(name));
            }
        }
    }

    [Fact]
    public async Task Remove_ByManyAtOnceIsNoErrorForAny() => await WithAsync(["1"], async ids =>
    {
        await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ =>
        {
            await Cri.RemoveImageAsync(ids[0]);
            Assert.Null(await Cri.ImageAsync(ids[0]));
        }));
    });

    [Fact]
    public async Task Pull_OfWhatIsNotThereIsRefused()
        => Assert.NotEqual(StatusCode.OK, (await CriCalls.RefusedAsync(() => Cri.PullAsync(Name("not-there")))).Code);

    [Fact]
    public async Task Pull_ForAnUnknownHandlerIsRefused() => await WithAsync(["1"], async _ =>
    {
        var request = new PullImageRequest { Image = new ImageSpec { Image = Name("1"), RuntimeHandler = "no-such-handler" } };
        await CriCalls.RefusedAsync(async () => await Cri.Images.PullImageAsync(request));
    });

    [Fact]
    public async Task Pull_OfAnArtifactMakesNoImage()
    {
        var manifest = Encoding.UTF8.GetBytes("""
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.example.model",
             "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},
             "layers":[{"mediaType":"application/vnd.example.weights","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}]}
            """);
        Endpoint.Registry.Content[$"/v2/{Repository}/manifests/artifact"] = new Served(manifest, TestImage.ManifestType, TestImage.Digest(manifest));
        Endpoint.Registry.Content[$"/v2/{Repository}/blobs/sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"] = new Served("{}"u8.ToArray());
        await CriCalls.RefusedAsync(() => Cri.PullAsync(Name("artifact")));
        Assert.Null(await Cri.ImageAsync(Name("artifact")));
    }

    [Fact]
    public async Task Pull_EndsWithItsCaller()
    {
        Endpoint.Serve(Marked("slow"), Repository, "slow");
        Endpoint.Registry.FailOnce($"/v2/{Repository}/manifests/slow", FakeRegistry.UntilGoneAsync);
        var request = new PullImageRequest { Image = new ImageSpec { Image = Name("slow") } };
        var code = (await CriCalls.RefusedAsync(async () => await Cri.Images.PullImageAsync(request, deadline: DateTime.UtcNow.AddMilliseconds(200)))).Code;
        Assert.Equal(StatusCode.DeadlineExceeded, code);
    }

    [Fact]
    public async Task FsInfo_TellsWhereAndHowMuch()
    {
        var info = await Cri.Images.ImageFsInfoAsync(new ImageFsInfoRequest());
        var images = Assert.Single(info.ImageFilesystems);
        Assert.NotEqual("", images.FsId?.Mountpoint ?? "");
        Assert.True(images.UsedBytes?.Value > 0 && images.InodesUsed?.Value > 0 && images.Timestamp > 0);
    }

    [Fact]
    public async Task Stream_HasEachImageOnce() => await WithAsync(["1", "2"], async ids =>
    {
        var found = await NewInApi("v0.36", () => Cri.Images.StreamImages(new StreamImagesRequest())
            .ResponseStream.ReadAllAsync().SelectMany(m => m.Images).Select(i => i.Id).ToListAsync().AsTask());
        Assert.All(ids, id => Assert.Single(found, id));
    });

    private async Task UserAsync(string user, long? uid, string name)
    {
        Endpoint.Serve(Marked("user").With("User", user), Repository, "user");
        await Cri.PullAsync(Name("user"));
        try
        {
            var image = await Cri.ImageAsync(Name("user"));
            Assert.Equal((uid, name), (image!.Uid?.Value, image.Username));
        }
        finally
        {
            await Endpoint.Connect().RemoveImageAsync(Name("user"));
        }
    }

    private async Task<List<string>> ListAsync()
        => [.. (await Cri.Images.ListImagesAsync(new ListImagesRequest())).Images.Select(i => i.Id)];

    /// <summary>An image with an id of its own.</summary>
    private TestImage Marked(string mark) => new TestImage(mark).With("Labels", new System.Text.Json.Nodes.JsonObject { ["mark"] = Cri.Id + mark });

    /// <summary>Pulls a different image for each tag, and removes them in the end.</summary>
    private async Task WithAsync(string[] tags, Func<List<string>, Task> test)
    {
        var ids = new List<string>();
        try
        {
            foreach (var tag in tags)
            {
                Endpoint.Serve(Marked(tag), Repository, tag);
                ids.Add(await Cri.PullAsync(Name(tag)));
            }

            await test(ids);
        }
        finally
        {
            foreach (var tag in tags)
            {
                await Endpoint.Connect().RemoveImageAsync(Name(tag));
            }
        }
    }
}
