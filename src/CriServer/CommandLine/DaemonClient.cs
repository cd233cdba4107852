using Crisp.Api.V1;
using Crisp.Cri.V1;
using Grpc.Net.Client;

namespace Crisp.CriServer.CommandLine;

/// <summary>The services of one daemon, over one connection.</summary>
internal sealed class DaemonClient(string socketPath) : IDisposable
{
    private readonly GrpcChannel _channel = DaemonChannel.Open(socketPath);

    public string SocketPath => socketPath;

    public RuntimeService.RuntimeServiceClient Runtime => field ??= new(_channel);

    public ImageService.ImageServiceClient Images => field ??= new(_channel);

    public ImagePulls.ImagePullsClient ImagePulls => field ??= new(_channel);

    public void Dispose() => _channel.Dispose();
}
