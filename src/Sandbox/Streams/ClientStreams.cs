using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Streams;

/// <summary>The client's connections for an exec's standard streams; null are those it does not want.</summary>
internal sealed record ClientStreams(Connection? Stdin, Connection? Stdout, Connection? Stderr)
{
    public void Close()
    {
        Stdin?.Close();
        Stdout?.Close();
        Stderr?.Close();
    }
}
