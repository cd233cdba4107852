using System.Net;
using System.Net.Sockets;

namespace Crisp.CriServer.Hosting;

/// <summary>The sockets on which the daemon serves, bound before anything is served.</summary>
/// <param name="Cri">The unix socket of CRI.</param>
/// <param name="Streaming">Of exec, attach and port-forward.</param>
/// <param name="Metrics">Null where metrics are not wanted.</param>
internal sealed record ListeningSockets(Socket Cri, Socket Streaming, Socket? Metrics)
{
    /// <summary>The one that is bound to the address.</summary>
    public Socket Of(EndPoint address) => address is UnixDomainSocketEndPoint ? Cri : address.Equals(Metrics?.LocalEndPoint) ? Metrics! : Streaming;
}
