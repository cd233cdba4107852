using Crisp.Cri.V1;

namespace Crisp.CriServer.Images;

/// <summary>CRI's ImageService over the image store, one file for each RPC.</summary>
public sealed partial class ImageServer : ImageService.ImageServiceBase;
