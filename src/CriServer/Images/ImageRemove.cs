using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Images;

public sealed partial class ImageServer
{
    /// <summary>Removes the image with all its names, by whichever it is called. Idempotent.</summary>
    public override async Task<RemoveImageResponse> RemoveImage(RemoveImageRequest request, ServerCallContext context)
    {
        var reference = ReferenceOf(request.Image);
        // Large trees take a while, and half of the work would be done again: it goes on without its caller.
        await Task.Run(() => _store.Remove(reference), CancellationToken.None).WaitAsync(context.CancellationToken);
        return new RemoveImageResponse();
    }
}
