using System.Collections.Concurrent;
using Crisp.Api.V1;
using Crisp.Images;
using Grpc.Core;
using PullProgress = Crisp.Images.PullProgress;

namespace Crisp.CriServer.Images;

/// <summary>The private service behind <c>crisp pull</c>.</summary>
internal sealed class ImagePullServer(ImagePuller puller) : ImagePulls.ImagePullsBase
{
    // Faster than an eye, slower than the layers.
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(100);

    public override async Task Pull(PullRequest request, IServerStreamWriter<PullResponse> responseStream, ServerCallContext context)
    {
        var credentials = RegistryCredentials.From(request.Username, request.Password, null, null, null, null);
        var layers = new LatestProgress();
        var pull = puller.PullAsync(request.Image, credentials, layers, context.CancellationToken);
        while (!pull.IsCompleted)
        {
            await Task.WhenAny(pull, Task.Delay(_interval, CancellationToken.None));
            foreach (var layer in layers.Take())
            {
                await responseStream.WriteAsync(new PullResponse { Progress = layer }, context.CancellationToken);
            }
        }

        var image = await pull;
        await responseStream.WriteAsync(new PullResponse { Image = ImageView.Imported(image) }, context.CancellationToken);
    }

    /// <summary>Each layer's last word. A slow reader misses those in between, and holds up nobody.</summary>
    private sealed class LatestProgress : IProgress<PullProgress>
    {
        private readonly ConcurrentDictionary<string, PullProgress> _layers = new(StringComparer.Ordinal);

        public void Report(PullProgress value) => _layers[value.Layer] = value;

        internal IEnumerable<Api.V1.PullProgress> Take()
        {
            foreach (var digest in _layers.Keys)
            {
                if (_layers.TryRemove(digest, out var layer))
                {
                    yield return new Api.V1.PullProgress
                    {
                        Layer = layer.Layer,
                        Downloaded = layer.Downloaded,
                        Unpacked = layer.Unpacked,
                        Total = layer.Total,
                    };
                }
            }
        }
    }
}
