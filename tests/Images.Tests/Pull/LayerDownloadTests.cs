using Crisp.Images.Pull;
using Crisp.Images.Tests.Registry;
using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Pull;

public sealed class LayerDownloadTests
{
    [Fact]
    public async Task ReaderRightBehindTheWriter_SeesEveryByteAndNoFalseEnd()
    {
        using var directory = new TemporaryDirectory();
        using var folder = Files.Open(directory.Path, OpenFlags.Directory);
        var bytes = Noise.Bytes(400_000);
        using var download = new LayerDownload(folder, Digest.Of(bytes), bytes.Length);
        var writer = Task.Run(() =>
        {
            for (var at = 0; at < bytes.Length; at += 10)
            {
                download.Append(bytes.AsSpan(at, 10));
            }
        });
        var read = new byte[bytes.Length];
        var length = 0;
        for (int count; (count = download.Read(read.AsSpan(length, Math.Min(1000, read.Length - length)), length, default)) > 0;)
        {
            length += count;
        }

        await writer;
        Assert.Equal(bytes.Length, length);
        Assert.Equal(bytes, read);
    }

    [Fact]
    public async Task WaitingReader_HearsOfFailureAndOfCancellation()
    {
        using var directory = new TemporaryDirectory();
        using var folder = Files.Open(directory.Path, OpenFlags.Directory);
        using var download = new LayerDownload(folder, Digest.Of([1]), 10);
        download.Append([1, 2, 3]);
        using var leave = new CancellationTokenSource();
        var cancelled = Task.Run(() => download.Read(new byte[10], 3, leave.Token));
        var failed = Task.Run(() => download.Read(new byte[10], 3, default));
        await Task.Delay(50);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        download.Fail(new InvalidOperationException("a reason"));
        Assert.Equal("a reason", (await Assert.ThrowsAsync<LayerDownloadException>(() => failed)).Message);

        // What is here is here.
        Assert.Equal(3, download.Read(new byte[10], 0, default));
    }
}
