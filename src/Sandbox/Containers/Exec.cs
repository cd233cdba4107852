using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Containers;

/// <summary>One more process in a container, while it runs.</summary>
internal sealed class Exec(string id)
{
    public string Id { get; } = id;

    /// <summary>0 while it is being started.</summary>
    public int Pid { get; set; }

    /// <summary>Of the process while it runs.</summary>
    public FileDescriptor? Pidfd { get; set; }

    /// <summary>The master of its terminal, as long as it is open.</summary>
    public FileDescriptor? Terminal { get; set; }

    public WaitingCalls Waiting { get; } = new();

    /// <summary>Closing the last descriptor of a terminal hangs it up: whoever is left on it gets SIGHUP.</summary>
    public void CloseTerminal()
    {
        Terminal?.Dispose();
        Terminal = null;
    }

    public void Ended(ExitInfo exit)
    {
        Pidfd?.Dispose();
        Pidfd = null;
        Waiting.AnswerAll(new WaitResponse { Exit = exit });
    }
}
