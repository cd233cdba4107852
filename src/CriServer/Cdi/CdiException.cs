namespace Crisp.CriServer.Cdi;

/// <summary>A specification's file, or a device's name, that is wrong; the message is a sentence.</summary>
internal sealed class CdiException(string message, Exception? inner = null) : Exception(message, inner);
