namespace Crisp.Sandbox.Server;

/// <summary>A thread for what may block, one piece of work after the other. Results come back on the loop's thread.</summary>
internal sealed class Worker
{
    // Launches compile plans and resolve users; nothing here recurses.
    private const int StackSize = 256 << 10;
    private readonly EventLoop _loop;
    private readonly Queue<Action> _work = new();

    public Worker(string name, EventLoop loop)
    {
        _loop = loop;
        new Thread(Run, StackSize) { IsBackground = true, Name = name }.Start();
    }

    /// <param name="done">Called on the loop's thread with the result.</param>
    /// <param name="failed">Called there with what the work threw.</param>
    public void Run<T>(Func<T> work, Action<T> done, Action<Exception> failed)
    {
        lock (_work)
        {
            _work.Enqueue(() => Do(work, done, failed));
            Monitor.Pulse(_work);
        }
    }

    /// <summary>As <see cref="Run{T}"/>, for work without a result.</summary>
    public void Run(Action work, Action done, Action<Exception> failed)
        => Run(
            () =>
            {
                work();
                return true;
            },
            _ => done(),
            failed);

    private void Do<T>(Func<T> work, Action<T> done, Action<Exception> failed)
    {
        T result;
        try
        {
            result = work();
        }
        catch (Exception e)
        {
            _loop.Post(() => failed(e));
            return;
        }

        _loop.Post(() => done(result));
    }

    private void Run()
    {
        while (true)
        {
            Action work;
            lock (_work)
            {
                while (!_work.TryDequeue(out work!))
                {
                    Monitor.Wait(_work);
                }
            }

            work();
        }
    }
}
