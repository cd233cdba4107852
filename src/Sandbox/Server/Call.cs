using System.Text.Json;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Google.Protobuf;

namespace Crisp.Sandbox.Server;

/// <summary>One call, to be answered once, now or later, on the loop's thread.</summary>
internal sealed class Call(ControlConnection connection, uint streamId, string method, long timeoutNano)
{
    private bool _answered;

    public ControlConnection Connection => connection;

    public string Method => method;

    /// <summary>Until when the caller waits.</summary>
    public CallDeadline Deadline { get; } = CallDeadline.Of(timeoutNano);

    /// <summary>Nobody waits for the answer any more.</summary>
    public bool IsAbandoned => connection.IsClosed;

    public void Answer(IMessage message) => Send(new Response { Payload = message.ToByteString() });

    public void Fail(RpcCode code, string message)
        => Send(new Response { Status = new Status { Code = (int)code, Message = message } });

    /// <summary>The one place where errors turn into status codes.</summary>
    public void Fail(Exception error)
    {
        switch (error)
        {
            case SandboxException e:
                Fail(e.Code, e.Message);
                break;
            case JsonException:
                Fail(RpcCode.InvalidArgument, $"{method}: the specification cannot be read: {error.Message}");
                break;
            case ArgumentException:
                Fail(RpcCode.InvalidArgument, error.Message);
                break;
            case LinuxException or PlanDiedException or CgroupException or CgroupUnsupportedException or TimeoutException:
                Fail(RpcCode.FailedPrecondition, error.Message);
                break;
            default:
                Diagnostics.Say($"{method} failed: {error}");
                Fail(RpcCode.Internal, $"{method}: {error.Message}");
                break;
        }
    }

    private void Send(Response response)
    {
        if (!_answered)
        {
            _answered = true;
            connection.Answer(streamId, response);
        }
    }
}
