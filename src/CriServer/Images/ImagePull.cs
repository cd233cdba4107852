using Crisp.Cri.V1;
using Crisp.Images;
using Grpc.Core;

namespace Crisp.CriServer.Images;

public sealed partial class ImageServer
{
    /// <summary>
    /// Ends when the image is here. The reference that it answers with is the image's id, as everywhere in CRI. A client that goes
    /// away ends the pull if nobody else waits for it; what has come so far is kept for the next call.
    /// </summary>
    public override async Task<PullImageResponse> PullImage(PullImageRequest request, ServerCallContext context)
    {
        var reference = ReferenceOf(request.Image);
        _handlers.Require(request.Image.RuntimeHandler);
        var image = await _puller.PullAsync(reference, CredentialsOf(request.Auth), null, context.CancellationToken);
        return new PullImageResponse { ImageRef = image.Id };
    }

    private static RegistryCredentials? CredentialsOf(AuthConfig? auth)
        => auth is null
            ? null
            : RegistryCredentials.From(auth.Username, auth.Password, auth.Auth, auth.ServerAddress, auth.IdentityToken, auth.RegistryToken);
}
