using Crisp.Api.V1;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine;

/// <summary>A pull by the daemon, with bars for those who look.</summary>
internal static class ImagePull
{
    /// <param name="error">Where the bars are drawn if it is a terminal.</param>
    /// <returns>The image's id.</returns>
    /// <exception cref="CommandException">It was not pulled; the sentence says why.</exception>
    public static async Task<string> RunAsync(DaemonClient daemon, PullRequest request, TextWriter error, CancellationToken cancellation)
    {
        var isTerminal = !Console.IsErrorRedirected;
        var bars = new PullBars(error, isTerminal, isTerminal ? Console.WindowHeight : 0);
        var id = "";
        try
        {
            using var call = daemon.ImagePulls.Pull(request, cancellationToken: cancellation);
            await foreach (var response in call.ResponseStream.ReadAllAsync(cancellation))
            {
                if (response.Progress is { } layer)
                {
                    bars.Show(layer);
                }
                else if (response.Image is { } image)
                {
                    id = image.Id;
                }
            }

            return id;
        }
        catch (RpcException failure) when (failure.StatusCode != StatusCode.Cancelled)
        {
            throw new CommandException($"{request.Image} was not pulled. {Sentence(failure)}", failure);
        }
        finally
        {
            bars.Clear();
        }
    }

    private static string Sentence(RpcException failure)
    {
        var sentence = DaemonFailure.Sentence(failure);
        return sentence.StartsWith($"{ErrorStatus.RegistryUnavailable}: ", StringComparison.Ordinal)
            ? sentence[(ErrorStatus.RegistryUnavailable.Length + 2)..]
            : sentence;
    }
}
