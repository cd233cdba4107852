using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.Sandboxes;

/// <summary>The values of RuntimeClass.handler that this node knows.</summary>
public static class RuntimeHandlers
{
    /// <summary>The default one has no name in CRI; a RuntimeClass cannot leave it empty, so it has a second one.</summary>
    public static IReadOnlyList<string> Names { get; } = ["", "crisp"];

    /// <exception cref="CriException">INVALID_ARGUMENT: CRI says to refuse an unknown handler.</exception>
    public static void Check(string name)
    {
        if (!Names.Contains(name))
        {
            throw CriException.Invalid($"The runtime handler \"{name}\" is unknown; this node has the default one, which is also called crisp.");
        }
    }
}
