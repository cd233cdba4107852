using Grpc.Core;

namespace Crisp.CriServer.Hosting;

/// <summary>A CRI call that ends with this status and sentence. The interceptor sends both as they are.</summary>
/// <remarks>
/// The kubelet acts on few codes: NOT_FOUND means gone, UNIMPLEMENTED is asked only once, everything else is retried. So
/// NOT_FOUND is for the very thing a call names, never for a file that a step did not find.
/// </remarks>
public sealed class CriException(StatusCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public StatusCode Code { get; } = code;

    /// <summary>The pod, container or image that the call names does not exist.</summary>
    public static CriException NotFound(string message) => new(StatusCode.NotFound, message);

    /// <summary>The request contradicts CRI, or what it names cannot be used; a retry will not help.</summary>
    public static CriException Invalid(string message) => new(StatusCode.InvalidArgument, message);

    /// <summary>The thing is in a state that does not allow the call.</summary>
    public static CriException Precondition(string message) => new(StatusCode.FailedPrecondition, message);

    /// <summary>The name belongs to another pod or container.</summary>
    public static CriException Exists(string message) => new(StatusCode.AlreadyExists, message);

    /// <summary>crisp does not have this.</summary>
    public static CriException Unimplemented(string message) => new(StatusCode.Unimplemented, message);
}
