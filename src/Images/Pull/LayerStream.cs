using Crisp.Images.Archives;

namespace Crisp.Images.Pull;

/// <summary>
/// Reads a layer while it is downloaded. At its end the file is let go at once, so that the sync that follows need not write it.
/// </summary>
/// <param name="release">Called once.</param>
internal sealed class LayerStream(LayerDownload download, Action release, CancellationToken cancellation) : ForwardStream
{
    private long _position;
    private Action? _release = release;

    public override long Length => download.Size;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(Span<byte> buffer)
    {
        if (_release is null || buffer.IsEmpty)
        {
            return 0;
        }

        var count = download.Read(buffer, _position, cancellation);
        _position += count;
        if (count == 0)
        {
            // Whatever the digest turns out to be: right, the layer is here; wrong, the file must not be met again.
            download.Discard();
            Release();
        }

        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Release();
        }

        base.Dispose(disposing);
    }

    private void Release() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
