using System.Diagnostics.CodeAnalysis;

namespace Crisp.CriServer.Cdi;

/// <summary>A specification's file, or a device's name, that is wrong; the message is a sentence.</summary>
internal sealed class CdiException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <exception cref="CdiException">The condition does not hold.</exception>
    public static void Require([DoesNotReturnIf(false)] bool condition, string problem)
    {
        if (!condition)
        {
            throw new CdiException(problem);
        }
    }
}
