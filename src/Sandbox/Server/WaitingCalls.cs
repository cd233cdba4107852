using Google.Protobuf;

namespace Crisp.Sandbox.Server;

/// <summary>Calls that wait for the same thing (long polls).</summary>
internal sealed class WaitingCalls
{
    private readonly List<Call> _calls = [];

    public void Add(Call call)
    {
        // A client that has gone does not say which of its calls nobody waits for.
        _calls.RemoveAll(static c => c.IsAbandoned);
        _calls.Add(call);
    }

    public void AnswerAll(IMessage message)
    {
        foreach (var call in _calls)
        {
            call.Answer(message);
        }

        _calls.Clear();
    }

    public void FailAll(Exception error)
    {
        foreach (var call in _calls)
        {
            call.Fail(error);
        }

        _calls.Clear();
    }
}
