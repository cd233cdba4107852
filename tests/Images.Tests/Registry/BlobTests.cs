using Crisp.Images.Registry;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Crisp.Images.Tests.Registry;

public sealed class BlobTests
{
    private static readonly byte[] _blob = Noise.Bytes(1 << 20);
    private static readonly Digest _digest = Digest.Of(_blob);
    private static readonly string _path = $"/v2/app/blobs/{_digest}";

    [Fact]
    public async Task ConnectionThatDrops_GoesOnWhereItStopped()
    {
        await using var registry = await StartAsync();
        registry.FailOnce(_path, FakeRegistry.DropAfter(_blob, 300_000));
        registry.FailOnce(_path, 503);
        await CheckAsync(registry);
        Assert.Null(registry.Requests[0]["Range"]);
        Assert.Equal(registry.Requests[1]["Range"], registry.Requests[2]["Range"]);
        Assert.Matches("^bytes=[1-9][0-9]{4,5}-$", registry.Requests[1]["Range"]!);
        Assert.Equal(3, registry.Requests.Count);
    }

    [Fact]
    public async Task ConnectionThatStalls_IsGivenUpAndGoesOn()
    {
        await using var registry = await StartAsync();
        registry.FailOnce(_path, FakeRegistry.StallAfter(_blob, 300_000));
        await CheckAsync(registry, RegistryFixture.Options with { ProgressTimeout = TimeSpan.FromMilliseconds(400) });
        Assert.Equal(2, registry.Requests.Count);
    }

    [Fact]
    public async Task SlowConnectionThatMoves_IsLeftAlone()
    {
        await using var registry = await StartAsync();
        registry.FailOnce(_path, async context =>
        {
            context.Response.ContentLength = _blob.Length;
            for (var i = 0; i < 16; i++)
            {
                await context.Response.Body.WriteAsync(_blob.AsMemory(i << 16, 1 << 16));
                await context.Response.Body.FlushAsync();
                await Task.Delay(200);
            }
        });
        // Altogether longer than a connection may be silent.
        await CheckAsync(registry, RegistryFixture.Options with { ProgressTimeout = TimeSpan.FromSeconds(2) });
        Assert.Single(registry.Requests);
    }

    [Fact]
    public async Task ManyDropsWithProgress_AreMoreThanTheTriesThatThereAre()
    {
        await using var registry = await StartAsync();
        for (var i = 0; i < 8; i++)
        {
            registry.FailOnce(_path, async context =>
            {
                var from = (int)(context.Request.GetTypedHeaders().Range?.Ranges.First().From ?? 0);
                context.Response.StatusCode = from == 0 ? 200 : 206;
                context.Response.Headers.ContentRange = from == 0 ? default : (Microsoft.Extensions.Primitives.StringValues)$"bytes {from}-{_blob.Length - 1}/{_blob.Length}";
                context.Response.ContentLength = _blob.Length - from;
                await context.Response.Body.WriteAsync(_blob.AsMemory(from, 100_000));
                await context.Response.Body.FlushAsync();
                context.Abort();
            });
        }

        await CheckAsync(registry);
        Assert.Equal(9, registry.Requests.Count);
    }

    [Fact]
    public async Task DropsWithoutProgress_EndInAnError()
    {
        await using var registry = await StartAsync();
        registry.Gate = async context =>
        {
            await FakeRegistry.DropAfter(_blob, 1000)(context);
            return true;
        };
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.DownloadAsync(_digest, _blob.Length, new MemorySink(), default));
        Assert.Equal(ImageError.RegistryUnavailable, error.Kind);
        Assert.Equal(3, registry.Requests.Count);
    }

    [Fact]
    public async Task RangeThatIsIgnored_CostsTheBytesAndNotTheContent()
    {
        await using var registry = await StartAsync();
        registry.FailOnce(_path, FakeRegistry.DropAfter(_blob, 300_000));
        registry.FailOnce(_path, async context =>
        {
            context.Response.ContentLength = _blob.Length;
            await context.Response.Body.WriteAsync(_blob);
        });
        await CheckAsync(registry);
        Assert.Equal(2, registry.Requests.Count);
    }

    [Theory]
    [InlineData("bytes 0-1048575/1048576")]
    [InlineData("bytes 1-1048575/1048576")]
    [InlineData("bytes 500000-1048575/9999999")]
    [InlineData("pages 500000-1048575/1048576")]
    [InlineData("nonsense")]
    [InlineData(null)]
    public async Task PartThatNobodyAskedFor_IsRefused(string? range)
    {
        await using var registry = await StartAsync();
        registry.Gate = async context =>
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = range;
            await context.Response.Body.WriteAsync(_blob);
            return true;
        };
        using var session = registry.Open();
        var sink = new MemorySink();
        sink.Append(_blob.AsSpan(0, 500_000));
        var error = await Assert.ThrowsAsync<ImageException>(() => session.DownloadAsync(_digest, _blob.Length, sink, default));
        Assert.Equal(ImageError.BadContent, error.Kind);
        Assert.Equal(500_000, sink.Length);
    }

    [Fact]
    public async Task MoreThanTheManifestSays_IsRefusedAtOnce()
    {
        await using var registry = await StartAsync();
        long sent = 0;
        registry.Gate = async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested && sent < 1L << 30)
            {
                await context.Response.Body.WriteAsync(_blob);
                sent += _blob.Length;
                // Writing to a connection that has gone costs nothing, and the news of it takes a moment.
                await Task.Delay(sent > 16 << 20 ? 20 : 0);
            }

            return true;
        };
        using var session = registry.Open();
        var sink = new MemorySink();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.DownloadAsync(_digest, 5000, sink, default));
        Assert.Equal(ImageError.BadContent, error.Kind);
        Assert.InRange(sink.Length, 0, 5000);
        Assert.InRange(sent, 0, 64 << 20);
    }

    [Fact]
    public async Task WrongLength_IsRefusedBeforeTheBody()
    {
        await using var registry = await StartAsync();
        using var session = registry.Open();
        var error = await Assert.ThrowsAsync<ImageException>(() => session.DownloadAsync(_digest, _blob.Length + 1, new MemorySink(), default));
        Assert.Equal(ImageError.BadContent, error.Kind);
    }

    [Fact]
    public async Task MirrorThatDiesInTheMiddle_IsFollowedByTheRegistry()
    {
        await using var mirror = await FakeRegistry.StartAsync();
        await using var registry = await StartAsync();
        mirror.FailOnce(_path, FakeRegistry.DropAfter(_blob, 300_000));
        using var folder = new HostsFolder();
        folder.Write(registry.Name, $"server = \"{registry.Url}\"\n[host.\"{mirror.Url}\"]\n");
        await CheckAsync(registry, RegistryFixture.Options with { HostDirectories = [folder.Path] });
        Assert.Equal(2, mirror.Requests.Count);
        Assert.NotNull(Assert.Single(registry.Requests)["Range"]);
    }

    [Fact]
    public async Task FullDisk_IsTheSinksError()
    {
        await using var registry = await StartAsync();
        using var session = registry.Open();
        var sink = new MemorySink { Limit = 100_000 };
        await Assert.ThrowsAsync<Crisp.Linux.LinuxException>(() => session.DownloadAsync(_digest, _blob.Length, sink, default));
        Assert.Single(registry.Requests);
    }

    private static async Task<FakeRegistry> StartAsync()
    {
        var registry = await FakeRegistry.StartAsync();
        registry.Content[_path] = new Served(_blob);
        return registry;
    }

    private static async Task CheckAsync(FakeRegistry registry, RegistryOptions? options = null)
    {
        using var session = registry.Open(options: options);
        var sink = new MemorySink();
        await session.DownloadAsync(_digest, _blob.Length, sink, default);
        Assert.Equal(_digest, Digest.Of(sink.Content));
    }

    private sealed class MemorySink : IBlobSink
    {
        private readonly List<byte> _content = [];

        public long Limit { get; init; } = long.MaxValue;

        public byte[] Content => [.. _content];

        public long Length => _content.Count;

        public void Append(ReadOnlySpan<byte> content)
        {
            if (Length + content.Length > Limit)
            {
                throw new Crisp.Linux.LinuxException("write", Crisp.Linux.Errno.ENOSPC, "a file");
            }

            _content.AddRange(content);
        }
    }
}
