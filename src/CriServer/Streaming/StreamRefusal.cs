namespace Crisp.CriServer.Streaming;

/// <summary>A request that is answered with a status and a sentence instead of a stream.</summary>
internal sealed class StreamRefusal(int status, string message) : Exception(message)
{
    public int Status => status;
}
