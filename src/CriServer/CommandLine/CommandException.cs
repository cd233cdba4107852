namespace Crisp.CriServer.CommandLine;

/// <summary>A command cannot do what it was asked; the message is for whoever typed it and is printed alone.</summary>
internal sealed class CommandException(string message, Exception? inner = null) : Exception(message, inner);
