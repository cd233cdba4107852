using System.Runtime.ExceptionServices;
using Crisp.Images.Registry;
using Crisp.Linux;

namespace Crisp.Images.Pull;

/// <summary>
/// A layer's compressed bytes on their way in: written to a file by the download, read from it by the unpacking right behind.
/// </summary>
/// <remarks>
/// The file is the whole state of a download: its name is the digest, its length how far it got. So a daemon that was killed
/// goes on from there, and nothing in the file is believed: whoever reads it through checks the digest. It also keeps the
/// network apart from the disk: a layer that waits for those beneath does not let its connection run into a timeout.
/// </remarks>
internal sealed class LayerDownload : IBlobSink, IDisposable
{
    // A progress report for each is fine enough for every bar.
    private const long ReportStep = 1 << 20;
    private readonly object _gate = new();
    private readonly FileDescriptor _file;
    private readonly FileDescriptor _directory;
    private ExceptionDispatchInfo? _failure;
    private bool _isDiscarded;
    private long _length;

    /// <param name="directory">The store's ingest.</param>
    internal LayerDownload(FileDescriptor directory, Digest digest, long size)
    {
        _directory = directory;
        Digest = digest;
        Size = size;
        _file = Files.OpenAt(directory, digest.Hex, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.Append | OpenFlags.NoFollow, 0x180);
        _length = Files.Status(_file).Size;
        if (_length > size)
        {
            Files.Truncate(_file, 0);
            _length = 0;
        }

        IsResumed = _length > 0;
    }

    /// <summary>Told the bytes that are here, now and then.</summary>
    internal event Action<long>? Advanced;

    internal Digest Digest { get; }

    internal long Size { get; }

    /// <summary>Whether some of the bytes are from another time, so that a wrong digest may be their fault.</summary>
    internal bool IsResumed { get; }

    public long Length => Interlocked.Read(ref _length);

    internal bool IsComplete => Length == Size;

    internal bool HasFailed
    {
        get
        {
            lock (_gate)
            {
                return _failure is not null;
            }
        }
    }

    public void Append(ReadOnlySpan<byte> content)
    {
        Files.WriteAll(_file, content);
        lock (_gate)
        {
            _length += content.Length;
            Monitor.PulseAll(_gate);
        }

        if (IsComplete || _length / ReportStep != (_length - content.Length) / ReportStep)
        {
            Advanced?.Invoke(_length);
        }
    }

    /// <summary>The download has ended before the layer did.</summary>
    internal void Fail(Exception error)
    {
        lock (_gate)
        {
            _failure ??= ExceptionDispatchInfo.Capture(error);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits for bytes at a place and reads them. 0 is the layer's end.</summary>
    /// <exception cref="LayerDownloadException">The download has failed.</exception>
    internal int Read(Span<byte> buffer, long position, CancellationToken cancellation)
    {
        using (cancellation.UnsafeRegister(static download => ((LayerDownload)download!).Wake(), this))
        {
            lock (_gate)
            {
                // Not ==: a reader may have met bytes that were written and not yet counted.
                while (position >= _length && position < Size)
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (_failure is not null)
                    {
                        throw new LayerDownloadException(_failure.SourceException);
                    }

                    Monitor.Wait(_gate);
                }
            }
        }

        return position == Size ? 0 : Files.ReadAt(_file, buffer, position);
    }

    /// <summary>The bytes are of no further use: they have been unpacked, or they are wrong.</summary>
    internal void Discard()
    {
        lock (_gate)
        {
            if (!_isDiscarded)
            {
                _isDiscarded = true;
                Files.UnlinkIfThere(_directory, Digest.Hex);
            }
        }
    }

    public void Dispose() => _file.Dispose();

    private void Wake()
    {
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }
}

/// <summary>Why a layer's bytes end before the layer. Carries the reason through the unpacking, which would call it bad data.</summary>
internal sealed class LayerDownloadException(Exception reason) : Exception(reason.Message, reason);
