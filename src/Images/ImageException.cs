namespace Crisp.Images;

/// <summary>What kind of failure an <see cref="ImageException"/> is, for the callers that turn it into a status.</summary>
public enum ImageError
{
    /// <summary>No such image.</summary>
    NotFound,

    /// <summary>The request or the reference is malformed, or names more than one image.</summary>
    Invalid,

    /// <summary>The image's bytes are not what they claim: a digest, a size, a document or an archive that is wrong or hostile.</summary>
    BadContent,

    /// <summary>The image is sound, but this node cannot use it: another platform, an unknown media type, a sparse file.</summary>
    Unsupported,

    /// <summary>The store itself cannot be used: locked by another process, a directory that is missing.</summary>
    Store,

    /// <summary>This node's files about a registry are wrong.</summary>
    Configuration,

    /// <summary>The registry wants credentials, or others.</summary>
    Unauthenticated,

    /// <summary>The registry knows who asks, and refuses. Or going on would give credentials away.</summary>
    Denied,

    /// <summary>The registry is asked too often.</summary>
    RateLimited,

    /// <summary>No registry answers, or its side fails.</summary>
    RegistryUnavailable,

    /// <summary>The disk is full.</summary>
    DiskFull,
}

/// <summary>An image operation that failed for a reason other than a system call's error (LinuxException).</summary>
public sealed class ImageException(ImageError kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public ImageError Kind { get; } = kind;

    internal static ImageException Bad(string message, Exception? inner = null) => new(ImageError.BadContent, message, inner);

    internal static ImageException Invalid(string message) => new(ImageError.Invalid, message);

    internal static ImageException Unsupported(string message) => new(ImageError.Unsupported, message);
}
