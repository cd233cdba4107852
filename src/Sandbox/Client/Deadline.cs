using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Client;

/// <summary>A time limit of our own beside the caller's token, told apart in the error.</summary>
internal sealed class Deadline : IDisposable
{
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;

    internal Deadline(TimeSpan timeout, CancellationToken caller)
    {
        _timeout = timeout;
        _caller = caller;
        _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _source.CancelAfter(timeout);
    }

    public void Dispose() => _source.Dispose();

    /// <exception cref="SandboxException">DEADLINE_EXCEEDED when the limit, and not the caller, ended the work.</exception>
    internal async Task RunAsync(string call, Func<CancellationToken, Task> work)
    {
        try
        {
            await work(_source.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_caller.IsCancellationRequested)
        {
            throw new SandboxException(
                RpcCode.DeadlineExceeded, $"{call}: the pod's process did not answer within {_timeout.TotalSeconds:0.#} s.");
        }
    }
}
