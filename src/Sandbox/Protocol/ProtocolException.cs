namespace Crisp.Sandbox.Protocol;

/// <summary>Bytes that are not the protocol. The connection they came from is closed: what follows them means nothing.</summary>
public sealed class ProtocolException(string message) : Exception(message);
