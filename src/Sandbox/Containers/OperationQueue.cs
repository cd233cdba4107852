namespace Crisp.Sandbox.Containers;

/// <summary>
/// Operations on one container, one after the other, while those on others go on: a Delete that comes while the container
/// starts, or a second Start, waits here and then sees what has become of it. Signals, Wait and logs never wait here.
/// </summary>
internal sealed class OperationQueue
{
    private readonly Queue<(Action<OperationEnd> Begin, Action<Exception> Failed)> _waiting = new();
    private bool _busy;

    /// <param name="begin">Starts the operation, whose last act is one of the <see cref="OperationEnd"/>'s.</param>
    /// <param name="failed">Called with what <paramref name="begin"/> throws; the operation has ended then.</param>
    public void Run(Action<OperationEnd> begin, Action<Exception> failed)
    {
        _waiting.Enqueue((begin, failed));
        if (!_busy)
        {
            Next();
        }
    }

    internal void Next()
    {
        _busy = _waiting.TryDequeue(out var operation);
        if (!_busy)
        {
            return;
        }

        var end = new OperationEnd(this);
        try
        {
            operation.Begin(end);
        }
        catch (Exception e)
        {
            end.With(operation.Failed)(e);
        }
    }
}

/// <summary>The end of an operation, after which the next one begins.</summary>
internal sealed class OperationEnd(OperationQueue queue)
{
    private bool _ended;

    /// <summary>An action that ends the operation.</summary>
    public Action With(Action action) => () => With<bool>(_ => action())(true);

    /// <summary>An action that ends the operation.</summary>
    public Action<T> With<T>(Action<T> action) => argument =>
    {
        try
        {
            action(argument);
        }
        finally
        {
            if (!_ended)
            {
                _ended = true;
                queue.Next();
            }
        }
    };
}
