namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>The peer broke the protocol; its connection ends. The message is for the log.</summary>
internal sealed class SpdyException(string message, Exception? inner = null) : Exception(message, inner);
