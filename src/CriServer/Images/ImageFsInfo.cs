using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.Images;

public sealed partial class ImageServer
{
    /// <summary>Images and writable layers lie on one filesystem, beneath the root directory.</summary>
    public override Task<ImageFsInfoResponse> ImageFsInfo(ImageFsInfoRequest request, ServerCallContext context)
    {
        var usage = _store.MeasureUsage();
        var entry = new FilesystemUsage
        {
            Timestamp = (usage.Timestamp - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick,
            FsId = new FilesystemIdentifier { Mountpoint = usage.Mountpoint },
            UsedBytes = new UInt64Value { Value = (ulong)usage.Bytes },
            InodesUsed = new UInt64Value { Value = (ulong)usage.Inodes },
        };
        return Task.FromResult(new ImageFsInfoResponse { ImageFilesystems = { entry }, ContainerFilesystems = { entry.Clone() } });
    }
}
