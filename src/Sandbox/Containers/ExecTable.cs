using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>The execs of one container: those that run, and how the newest of the others ended, for a Wait that comes late.</summary>
internal sealed class ExecTable
{
    internal const int MaxRunning = 256;
    internal const int MaxEnded = 256;
    private readonly Dictionary<string, Exec> _running = [];
    private readonly Dictionary<string, ExitInfo> _ended = [];
    private readonly Queue<string> _endedInOrder = new();

    /// <exception cref="SandboxException">The id was given before, or too many run.</exception>
    public Exec Add(string id)
    {
        if (_running.ContainsKey(id) || _ended.ContainsKey(id))
        {
            throw new SandboxException(RpcCode.AlreadyExists, $"There is an exec {id} already.");
        }

        if (_running.Count >= MaxRunning)
        {
            throw new SandboxException(RpcCode.ResourceExhausted, $"{MaxRunning} execs run in this container already.");
        }

        var exec = new Exec(id);
        _running.Add(id, exec);
        return exec;
    }

    /// <returns>Null when it has ended.</returns>
    /// <exception cref="SandboxException">NOT_FOUND.</exception>
    public Exec? Find(string id) => _running.TryGetValue(id, out var exec) ? exec
        : _ended.ContainsKey(id) ? null
        : throw new SandboxException(RpcCode.NotFound, $"There is no exec {id}, or it ended long ago.");

    public void Wait(Call call, string id)
    {
        if (Find(id) is { } exec)
        {
            exec.Waiting.Add(call);
        }
        else
        {
            call.Answer(new WaitResponse { Exit = _ended[id] });
        }
    }

    public void Ended(Exec exec, ExitInfo exit)
    {
        _running.Remove(exec.Id);
        if (_endedInOrder.Count >= MaxEnded)
        {
            _ended.Remove(_endedInOrder.Dequeue());
        }

        _ended.Add(exec.Id, exit);
        _endedInOrder.Enqueue(exec.Id);
        exec.Ended(exit);
    }

    /// <summary>It never ran: its id is free again.</summary>
    public void NeverRan(Exec exec, Exception why)
    {
        _running.Remove(exec.Id);
        exec.Waiting.FailAll(why);
    }
}
