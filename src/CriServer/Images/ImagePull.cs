using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Images;

public sealed partial class ImageServer
{
    public override Task<PullImageResponse> PullImage(PullImageRequest request, ServerCallContext context)
        => throw CriException.Unimplemented("This version of crisp pulls from no registry. Bring images in with crisp image import.");
}
