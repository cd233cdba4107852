using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>A descriptor that stays open as long as this, although its owner may close it meanwhile.</summary>
internal readonly struct Lease<T> : IDisposable
    where T : class
{
    private readonly FileDescriptor? _file;

    /// <param name="owner">What the descriptor belongs to.</param>
    /// <param name="file">Not closed; the caller holds the lock under which it would be.</param>
    internal Lease(T owner, FileDescriptor file)
    {
        var added = false;
        file.DangerousAddRef(ref added);
        (Owner, _file) = (owner, file);
    }

    internal T Owner { get; } = null!;

    internal FileDescriptor File => _file!;

    public void Dispose() => _file?.DangerousRelease();
}
