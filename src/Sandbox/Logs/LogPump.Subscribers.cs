namespace Crisp.Sandbox.Logs;

internal sealed partial class LogPump
{
    private readonly List<LogSubscriber> _arriving = [];
    private readonly List<LogSubscriber> _leaving = [];
    private readonly List<LogSubscriber> _subscribers = [];

    /// <summary>Copies the output for a client from now on, and closes it at the end. For any thread.</summary>
    public void Attach(LogSubscriber subscriber)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _arriving.Add(subscriber);
                _wake.Signal();
                return;
            }
        }

        subscriber.Dispose();
    }

    /// <summary>The client has gone. For any thread.</summary>
    public void Detach(LogSubscriber subscriber)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _leaving.Add(subscriber);
                _wake.Signal();
            }
        }
    }

    /// <summary>Called with the gate held.</summary>
    private void TakeSubscribers()
    {
        _subscribers.AddRange(_arriving);
        _arriving.Clear();
        foreach (var subscriber in _leaving)
        {
            if (_subscribers.Remove(subscriber))
            {
                subscriber.Dispose();
            }
        }

        _leaving.Clear();
    }

    /// <summary>One read, of which every attached client gets its copy before the log does.</summary>
    /// <returns>How many bytes came.</returns>
    private int Read(LogSource source)
    {
        var count = source.Read();
        lock (_gate)
        {
            // Whoever was answered before this was written gets it, whether the thread has been woken for him or not.
            TakeSubscribers();
        }

        for (var i = _subscribers.Count - 1; i >= 0 && count > 0; i--)
        {
            var subscriber = _subscribers[i];
            if (subscriber.IsStderr == source.IsStderr && !subscriber.TryWrite(source.Lines.Newest(count)))
            {
                _subscribers.RemoveAt(i);
                subscriber.Dispose();
            }
        }

        return count;
    }

    private void EndSubscribers()
    {
        foreach (var subscriber in _subscribers)
        {
            subscriber.Dispose();
        }

        _subscribers.Clear();
    }
}
