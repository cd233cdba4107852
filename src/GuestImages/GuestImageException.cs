namespace Crisp.GuestImages;

/// <summary>A guest image cannot be made or used; the message says why and what to do.</summary>
public sealed class GuestImageException(string message, Exception? inner = null) : Exception(message, inner);
