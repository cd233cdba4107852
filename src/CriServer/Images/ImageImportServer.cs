using System.Threading.Channels;
using Crisp.Api.V1;
using Crisp.Images;
using Grpc.Core;

namespace Crisp.CriServer.Images;

/// <summary>The private service behind <c>crisp image import</c>.</summary>
internal sealed class ImageImportServer(ImageStore store) : ImageImports.ImageImportsBase
{
    // A terminal shows no more, and a slow reader must not hold up the layers: what does not fit is left out.
    private const int Backlog = 64;

    public override async Task Import(
        ImportImageRequest request, IServerStreamWriter<ImportImageResponse> responseStream, ServerCallContext context)
    {
        var events = Channel.CreateBounded<LayerProgress>(new BoundedChannelOptions(Backlog) { FullMode = BoundedChannelFullMode.DropOldest });
        var telling = TellAsync(events.Reader, responseStream, context.CancellationToken);
        var images = await Task.Run(() => ImportAsync(request, events.Writer, context.CancellationToken), CancellationToken.None);
        await telling;
        foreach (var image in images)
        {
            await responseStream.WriteAsync(new ImportImageResponse { Image = ImageView.Imported(image) }, context.CancellationToken);
        }
    }

    // Ends when the import does. A caller that has gone ends the import by its token.
    private static async Task TellAsync(
        ChannelReader<LayerProgress> events, IServerStreamWriter<ImportImageResponse> responseStream, CancellationToken cancellation)
    {
        await foreach (var progress in events.ReadAllAsync(cancellation))
        {
            await responseStream.WriteAsync(new ImportImageResponse { Progress = progress }, cancellation);
        }
    }

    private async Task<IReadOnlyList<ImageRecord>> ImportAsync(
        ImportImageRequest request, ChannelWriter<LayerProgress> events, CancellationToken cancellation)
    {
        try
        {
            return await ImageImport.RunAsync(
                store, request.Path, request.Name.Length == 0 ? null : request.Name, new Reporter(events), cancellation);
        }
        finally
        {
            events.Complete();
        }
    }

    /// <summary>Reports at once, from the layers' own threads.</summary>
    private sealed class Reporter(ChannelWriter<LayerProgress> events) : IProgress<ImportProgress>
    {
        public void Report(ImportProgress value)
            => events.TryWrite(new LayerProgress { Subject = value.Subject, Done = value.Done, Total = value.Total });
    }
}
