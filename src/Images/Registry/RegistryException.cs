namespace Crisp.Images.Registry;

/// <summary>One request to one registry that failed.</summary>
/// <param name="isTransient">Whether the same request may succeed in a moment.</param>
/// <param name="retryAfter">What the registry asks for, or null.</param>
internal sealed class RegistryException(
    ImageError kind, string message, bool isTransient = false, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    internal ImageError Kind { get; } = kind;

    internal bool IsTransient { get; } = isTransient;

    internal TimeSpan? RetryAfter { get; } = retryAfter;
}
