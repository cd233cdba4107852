namespace Crisp.CriServer.Configuration;

/// <summary>A configuration that cannot be used; the message has one line for each thing that is wrong with it.</summary>
internal sealed class ConfigException(IReadOnlyList<string> problems, Exception? inner = null)
    : Exception(string.Join('\n', problems), inner)
{
    public IReadOnlyList<string> Problems => problems;
}
