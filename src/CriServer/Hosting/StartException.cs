namespace Crisp.CriServer.Hosting;

/// <summary>The daemon cannot start; the message is for the administrator and is printed alone.</summary>
internal sealed class StartException(string message, Exception? inner = null) : Exception(message, inner);
