using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Images;

public sealed partial class ImageServer
{
    /// <summary>No such image is an answer without one, not an error.</summary>
    public override Task<ImageStatusResponse> ImageStatus(ImageStatusRequest request, ServerCallContext context)
    {
        var response = new ImageStatusResponse();
        if (_store.Find(ReferenceOf(request.Image)) is { } record)
        {
            response.Image = ImageView.Of(record, Pinned.Contains(record));
            if (request.Verbose && _store.ReadConfig(record.Id) is { } document)
            {
                response.Info["info"] = ImageView.Info(record, document);
            }
        }

        return Task.FromResult(response);
    }

    private static string ReferenceOf(ImageSpec? spec)
        => spec?.Image is { Length: > 0 } reference
            ? reference
            : throw CriException.Invalid("The call needs image.image: a name or an id of an image.");
}
