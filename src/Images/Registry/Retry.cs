using Polly;
using Polly.Retry;

namespace Crisp.Images.Registry;

/// <summary>Tries again what may succeed in a moment: pauses that double, with jitter, or as long as the registry asks.</summary>
internal static class Retry
{
    /// <param name="attempts">Altogether; 1 for never again.</param>
    internal static ResiliencePipeline Create(RegistryOptions options, int attempts, TimeProvider time)
        => attempts <= 1
            ? ResiliencePipeline.Empty
            : new ResiliencePipelineBuilder { TimeProvider = time }
                .AddRetry(new RetryStrategyOptions
                {
                    ShouldHandle = arguments => ValueTask.FromResult(
                        arguments.Outcome.Exception is RegistryException { IsTransient: true } error
                        && !(error.RetryAfter > options.MaxRetryDelay)),
                    MaxRetryAttempts = attempts - 1,
                    BackoffType = DelayBackoffType.Exponential,
                    UseJitter = true,
                    Delay = options.RetryDelay,
                    MaxDelay = options.MaxRetryDelay,
                    // Null is the pause that doubles.
                    DelayGenerator = arguments => ValueTask.FromResult(
                        arguments.Outcome.Exception is RegistryException { RetryAfter: { } after } ? (TimeSpan?)Max(after, TimeSpan.Zero) : null),
                })
                .Build();

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
