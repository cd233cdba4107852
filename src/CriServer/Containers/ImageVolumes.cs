using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.Images;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Grpc.Core;

namespace Crisp.CriServer.Containers;

/// <summary>Images that a container mounts beside its own (CRI Mount.image, KEP-4639).</summary>
public sealed class ImageVolumes : IDisposable
{
    // The kubelet looks for this word, and makes it the reason of the container's state (cri-api, pkg/errors).
    private const string Reason = "ImageVolumeMountFailed";
    private readonly Dictionary<string, ImageLease> _leases = new(StringComparer.Ordinal);

    /// <summary>By the name or id that the mounts give. A lease keeps an image until the container's record does.</summary>
    public IReadOnlyDictionary<string, ImageRecord> Images => _leases.ToDictionary(l => l.Key, l => l.Value.Image);

    /// <exception cref="CriException">An image is not on this node.</exception>
    internal static ImageVolumes Acquire(Node node, ContainerConfig config)
    {
        var volumes = new ImageVolumes();
        try
        {
            foreach (var mount in config.Mounts)
            {
                if (mount.Image is { Image.Length: > 0 } image && !volumes._leases.ContainsKey(image.Image))
                {
                    volumes._leases.Add(image.Image, node.Images.Acquire(image.Image) ?? throw Failed(
                        StatusCode.NotFound, $"The image {image.Image} for {mount.ContainerPath} is not on this node. Pull it first."));
                }
            }

            return volumes;
        }
        catch
        {
            volumes.Dispose();
            throw;
        }
    }

    /// <summary>The image's content as a detached mount, read-only.</summary>
    internal static FileDescriptor Open(MountSpec mount, OverlaySource image, FileDescriptor? userNamespace)
    {
        try
        {
            var whole = ContainerMounts.Overlay(image, userNamespace);
            if (image.SubPath is null)
            {
                return Finish(whole, mount);
            }

            using (whole)
            {
                return Finish(OverlayMount.SubTree(whole, image.SubPath), mount);
            }
        }
        catch (LinuxException e)
        {
            var part = image.SubPath is null ? "" : $"\"{image.SubPath}\" of it ";
            throw Failed(StatusCode.InvalidArgument, $"The image for {mount.Target} cannot be mounted: {part}{e.Message}.");
        }
    }

    public void Dispose()
    {
        foreach (var lease in _leases.Values)
        {
            lease.Dispose();
        }
    }

    private static FileDescriptor Finish(FileDescriptor tree, MountSpec mount)
    {
        try
        {
            BindMounts.SetFlags(tree, mount);
            return tree;
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    private static CriException Failed(StatusCode code, string message) => new(code, $"{Reason}: {message}");
}
