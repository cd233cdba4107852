using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Crisp.Images;

namespace Crisp.CriServer.Containers;

/// <summary>CRI ImageSpec of a container or an image volume, to its record and back.</summary>
internal static class ContainerImages
{
    public static ContainerImage From(ImageSpec spec, ImageRecord image) => new(
        spec.Image,
        spec.UserSpecifiedImage,
        spec.RuntimeHandler,
        image.Id,
        image.RepoDigests.Count > 0 ? image.RepoDigests[0] : image.Id)
    {
        Annotations = spec.Annotations.ToDictionary(),
    };

    public static ImageSpec ToCri(ContainerImage image)
    {
        var spec = new ImageSpec
        {
            Image = image.Requested,
            UserSpecifiedImage = image.UserSpecified,
            RuntimeHandler = image.RuntimeHandler,
        };
        spec.Annotations.Add(image.Annotations.ToDictionary());
        return spec;
    }
}
