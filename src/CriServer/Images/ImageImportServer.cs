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
        var import = Task.Run(() => ImportAsync(request, events.Writer, context.CancellationToken), CancellationToken.None);
        await foreach (var progress in events.Reader.ReadAllAsync(CancellationToken.None))
        {
            // A caller that has gone ends the import by its token, and the import's end ends this.
            if (!context.CancellationToken.IsCancellationRequested)
            {
                await responseStream.WriteAsync(new ImportImageResponse { Progress = progress }, CancellationToken.None);
            }
        }

        foreach (var image in await import)
        {
            await responseStream.WriteAsync(new ImportImageResponse { Image = ImageView.Imported(image) }, context.CancellationToken);
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
