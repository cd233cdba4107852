using Crisp.Cri.V1;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Sandboxes;
using Crisp.Images;

namespace Crisp.CriServer.Images;

/// <summary>CRI's ImageService over the image store, one file for each RPC.</summary>
public sealed partial class ImageServer(LiveConfig config, ImageStore store, ImagePuller puller, RuntimeHandlers handlers) : ImageService.ImageServiceBase
{
    private readonly ImageStore _store = store;
    private readonly ImagePuller _puller = puller;
    private readonly RuntimeHandlers _handlers = handlers;
    private readonly LiveConfig _config = config;

    private PinnedImages Pinned => new(_config.Current.PinnedImages);
}
