using System.Net;
using k8s.Autorest;
using Polly;
using Polly.Retry;

namespace Crisp.NodeAgent.Kubernetes;

/// <summary>What is asked of the API server again, and when.</summary>
internal static class ApiRetry
{
    private const int Attempts = 5;

    /// <param name="first">Delay before the second attempt; it doubles, up to sixteen times that, with jitter.</param>
    /// <param name="attempt">How long one attempt may take.</param>
    public static ResiliencePipeline Pipeline(TimeSpan first, TimeSpan attempt, TimeProvider time) => new ResiliencePipelineBuilder { TimeProvider = time }
        .AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = Attempts - 1,
            Delay = first,
            MaxDelay = first * 16,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = arguments => ValueTask.FromResult(IsTransient(arguments.Outcome.Exception)),
            DelayGenerator = arguments => ValueTask.FromResult(RetryAfter(arguments.Outcome.Exception)),
        })
        .AddTimeout(attempt)
        .Build();

    /// <summary>
    /// Whether the same request may succeed in a moment: nobody answered, the server is overloaded (429 is priority and fairness
    /// there) or failed. A conflict, a refusal and a wrong request stay what they are.
    /// </summary>
    public static bool IsTransient(Exception? error) => error switch
    {
        HttpRequestException or IOException or Polly.Timeout.TimeoutRejectedException => true,
        TaskCanceledException e => e.InnerException is TimeoutException,
        HttpOperationException e => (int)e.Response.StatusCode is 429 or >= 500,
        _ => false,
    };

    /// <summary>What the server wants, in whole seconds as it always says (api-conventions, Retry-After).</summary>
    public static TimeSpan? RetryAfter(Exception? error) =>
        error is HttpOperationException { Response.Headers: { } headers }
        && headers.TryGetValue("Retry-After", out var values)
        && int.TryParse(values.FirstOrDefault(), out var seconds)
        && seconds is >= 0 and <= 300
            ? TimeSpan.FromSeconds(seconds)
            : null;

    public static HttpStatusCode? StatusOf(Exception error) => (error as HttpOperationException)?.Response.StatusCode;
}
