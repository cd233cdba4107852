namespace Crisp.CriServer.Streaming;

/// <summary>What every session needs of the daemon.</summary>
/// <param name="IdleTimeout">After which a session in which nothing moves is ended.</param>
/// <param name="Stopping">Cancelled when the daemon stops.</param>
internal sealed record StreamingEnvironment(TimeProvider Time, TimeSpan IdleTimeout, ILogger Logger, CancellationToken Stopping);
