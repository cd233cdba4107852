using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Images;

public sealed partial class ImageServer
{
    // Far below the 4 MiB that gRPC clients take in one message, whatever annotations images have.
    private const int StreamBatch = 50;

    public override Task<ListImagesResponse> ListImages(ListImagesRequest request, ServerCallContext context)
    {
        var response = new ListImagesResponse();
        response.Images.AddRange(ImagesThat(request.Filter));
        return Task.FromResult(response);
    }

    /// <summary>Each image once, in messages of at least one.</summary>
    public override async Task StreamImages(
        StreamImagesRequest request, IServerStreamWriter<StreamImagesResponse> responseStream, ServerCallContext context)
    {
        foreach (var batch in ImagesThat(request.Filter).ToList().Chunk(StreamBatch))
        {
            var message = new StreamImagesResponse();
            message.Images.AddRange(batch);
            await responseStream.WriteAsync(message, context.CancellationToken);
        }
    }

    private IEnumerable<Image> ImagesThat(ImageFilter? filter)
    {
        var records = filter?.Image?.Image is { Length: > 0 } reference
            ? _store.Find(reference) is { } one ? [one] : []
            : _store.Images;
        var pinned = Pinned;
        return records.Select(record => ImageView.Of(record, pinned.Contains(record)));
    }
}
