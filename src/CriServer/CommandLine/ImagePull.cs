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
        var bars = new PullBars(error, () => ScreenSize.Of(2));
        var id = "";
        try
        {
            using var call = daemon.ImagePulls.Pull(request, cancellationToken: cancellation);
            while (await NextAsync(call.ResponseStream, bars, cancellation))
            {
                var response = call.ResponseStream.Current;
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

    // What has come last is drawn although nothing comes after it: the layer that holds everything up is the one to look at.
    private static async Task<bool> NextAsync(IAsyncStreamReader<PullResponse> responses, PullBars bars, CancellationToken cancellation)
    {
        var next = responses.MoveNext(cancellation);
        while (await Task.WhenAny(next, Task.Delay(PullBars.Interval, CancellationToken.None)) != next)
        {
            bars.Refresh();
        }

        return await next;
    }

    private static string Sentence(RpcException failure)
    {
        var sentence = DaemonFailure.Sentence(failure);
        return sentence.StartsWith($"{ErrorStatus.RegistryUnavailable}: ", StringComparison.Ordinal)
            ? sentence[(ErrorStatus.RegistryUnavailable.Length + 2)..]
            : sentence;
    }
}
