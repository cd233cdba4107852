using System.Net.Sockets;
using Grpc.Core;

namespace Crisp.CriServer.CommandLine;

/// <summary>Says why a call to the daemon failed, and what to do about it.</summary>
internal static class DaemonFailure
{
    public static string Sentence(RpcException error)
    {
        for (var cause = error.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (cause is DaemonUnreachableException unreachable)
            {
                return unreachable.Message;
            }
        }

        return error.Status switch
        {
            { StatusCode: StatusCode.Unavailable, DebugException: not null } =>
                "The daemon went away during the call. Pods live on; call again once it is back.",
            { StatusCode: StatusCode.Unimplemented, Detail: "" } => "The daemon does not know this call: it is of another version than this command.",
            { StatusCode: StatusCode.DeadlineExceeded, Detail: "" } => "The daemon did not answer in time.",
            { Detail: "" } status => $"The daemon answered {status.StatusCode} without a reason.",
            var status => status.Detail,
        };
    }

    /// <summary>The sentence for a socket that cannot be connected to.</summary>
    public static string Sentence(string socketPath, SocketException error) => error.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable or SocketError.ConnectionRefused when !File.Exists(socketPath) =>
            $"There is no socket {socketPath}. Start the daemon with crisp serve, or name its socket with --socket or CRISP_SOCKET.",
        SocketError.ConnectionRefused => $"Nobody listens on {socketPath}: the daemon has stopped. Start it with crisp serve.",
        SocketError.AccessDenied => $"No permission to use {socketPath}, which belongs to root. Try again as root, for example with sudo.",
        _ => $"Cannot connect to {socketPath}: {error.Message}.",
    };
}

/// <summary>The daemon's socket cannot be connected to; the message is for whoever typed the command.</summary>
internal sealed class DaemonUnreachableException(string message, Exception inner) : IOException(message, inner);
