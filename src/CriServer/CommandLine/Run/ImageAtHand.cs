using Crisp.Api.V1;
using Crisp.Cri.V1;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>When <c>crisp run</c> fetches its image.</summary>
internal enum PullPolicy
{
    Missing,
    Always,
    Never,
}

/// <summary>The image of <c>crisp run</c>: this node's, or fetched first.</summary>
internal static class ImageAtHand
{
    public static async Task EnsureAsync(DaemonClient daemon, string image, PullPolicy policy, TextWriter error, CancellationToken cancellation)
    {
        if (policy == PullPolicy.Always || (policy == PullPolicy.Missing && !await IsThereAsync(daemon, image, cancellation)))
        {
            await ImagePull.RunAsync(daemon, new PullRequest { Image = image }, error, cancellation);
        }
    }

    private static async Task<bool> IsThereAsync(DaemonClient daemon, string image, CancellationToken cancellation)
    {
        try
        {
            var request = new ImageStatusRequest { Image = new ImageSpec { Image = image } };
            return (await daemon.Images.ImageStatusAsync(request, cancellationToken: cancellation)).Image is not null;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument)
        {
            throw new CommandException(DaemonFailure.Sentence(e), e);
        }
    }
}
