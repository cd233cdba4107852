using Crisp.Images;
using Crisp.Linux;
using Crisp.Network;
using Grpc.Core;
using SandboxException = Crisp.Sandbox.Protocol.SandboxException;

namespace Crisp.CriServer.Hosting;

/// <summary>Which gRPC status an exception is. The one place that decides it.</summary>
internal static class ErrorStatus
{
    /// <summary>Begins the sentence of a pull that failed because no registry answers.</summary>
    public const string RegistryUnavailable = "RegistryUnavailable";

    // .NET keeps the error number of a failed call in IOException.HResult (errno(3): ENOSPC 28, EDQUOT 122, EMFILE 24, ENFILE 23).
    private const int NoSpace = 28;
    private const int NoQuota = 122;
    private const int TooManyFiles = 24;
    private const int TooManyFilesInSystem = 23;

    /// <param name="error">What the call threw.</param>
    /// <param name="call">The call's full name, /runtime.v1.RuntimeService/Attach.</param>
    /// <param name="client">The client's token: cancelled when it went away or its deadline passed.</param>
    public static Status Of(Exception error, string call, CancellationToken client) => error switch
    {
        RpcException { StatusCode: StatusCode.Unimplemented } rpc when rpc.Status.Detail.Length == 0 =>
            new(StatusCode.Unimplemented, $"{call[(call.LastIndexOf('/') + 1)..]} is not implemented by this version of crisp."),
        RpcException rpc => rpc.Status,
        // The kubelet knows such a failure by this word, and takes off no other code than Unknown to look for it
        // (cri-client, remote_image.go; kubelet, image_manager.go, evalCRIPullErr).
        ImageException { Kind: ImageError.RegistryUnavailable } image => new(StatusCode.Unknown, $"{RegistryUnavailable}: {image.Message}"),
        ImageException image => new(CodeOf(image.Kind), image.Message),
        // What a plugin says is transient, and whatever else is wrong with a network is not the request's fault.
        CniException { Error.Code: CniError.TryAgainLater } cni => new(StatusCode.Unavailable, cni.Message),
        CniException cni => new(StatusCode.FailedPrecondition, cni.Message),
        CriException cri => new(cri.Code, cri.Message),
        // The same numbers: both are gRPC's.
        SandboxException sandbox => new((StatusCode)(int)sandbox.Code, sandbox.Message),
        OperationCanceledException when client.IsCancellationRequested => new(StatusCode.Cancelled, "The client went away."),
        OperationCanceledException => new(StatusCode.Unavailable, "The daemon is stopping; pods live on. Call again once it is back."),
        TimeoutException => new(StatusCode.DeadlineExceeded, error.Message),
        OutOfMemoryException => new(StatusCode.ResourceExhausted, error.Message),
        LinuxException { Errno: Errno.ENOSPC or Errno.EDQUOT or Errno.EMFILE or Errno.ENFILE or Errno.ENOMEM } =>
            new(StatusCode.ResourceExhausted, error.Message),
        IOException { HResult: NoSpace or NoQuota or TooManyFiles or TooManyFilesInSystem } =>
            new(StatusCode.ResourceExhausted, error.Message),
        _ => new(StatusCode.Internal, error.Message),
    };

    private static StatusCode CodeOf(ImageError error) => error switch
    {
        ImageError.NotFound => StatusCode.NotFound,
        ImageError.Invalid => StatusCode.InvalidArgument,
        ImageError.BadContent => StatusCode.DataLoss,
        ImageError.Unsupported or ImageError.Configuration => StatusCode.FailedPrecondition,
        ImageError.Unauthenticated => StatusCode.Unauthenticated,
        ImageError.Denied => StatusCode.PermissionDenied,
        ImageError.RateLimited or ImageError.DiskFull => StatusCode.ResourceExhausted,
        _ => StatusCode.Unavailable,
    };
}
