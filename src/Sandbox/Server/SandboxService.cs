using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Streams;
using Google.Protobuf;

namespace Crisp.Sandbox.Server;

/// <summary>
/// The service of sandbox.proto: one file for each call, named after it. All runs on the loop's thread, and a call that must
/// wait is answered later.
/// </summary>
internal sealed partial class SandboxService
{
    private const int MaxControlConnections = 16;
    private readonly Pod _pod;
    private readonly DescriptorStore _descriptors;
    private readonly StreamStore _streams = new();
    private readonly List<ControlConnection> _control = [];

    public SandboxService(Pod pod)
    {
        _pod = pod;
        _descriptors = new DescriptorStore(pod.Loop);
    }

    /// <summary>Gives a connection that has said what it is for to whoever serves that.</summary>
    /// <returns>False to refuse it.</returns>
    public bool Take(Connection connection, ConnectionKind kind, Guid token)
    {
        switch (kind)
        {
            case ConnectionKind.Control:
                if (_control.Count >= MaxControlConnections)
                {
                    return false;
                }

                _control.Add(new ControlConnection(connection, this, c => _control.Remove(c)));
                return true;
            case ConnectionKind.Descriptors:
                if (!_descriptors.Reserve(token))
                {
                    return false;
                }

                _ = new DescriptorConnection(connection, token, _descriptors);
                return true;
            default:
                return _streams.Add(connection, token, kind);
        }
    }

    public void Dispatch(Call call, Request request)
    {
        try
        {
            if (request.Service != ProtocolVersion.Service)
            {
                throw new SandboxException(RpcCode.Unimplemented, $"The service \"{request.Service}\" is not served here.");
            }

            if (!call.Connection.HasGreeted && request.Method != "Hello")
            {
                throw new SandboxException(RpcCode.FailedPrecondition, $"{request.Method} came before Hello.");
            }

            if (_pod.IsEnding && request.Method is not ("Hello" or "State" or "Wait" or "Events" or "Shutdown"))
            {
                throw new SandboxException(RpcCode.Unavailable, "The pod is being shut down.");
            }

            Dispatch(call, request.Method, request.Payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            call.Fail(RpcCode.InvalidArgument, $"{request.Method}: the request cannot be read: {e.Message}");
        }
        catch (Exception e)
        {
            call.Fail(e);
        }
    }

    private void Dispatch(Call call, string method, ByteString payload)
    {
        switch (method)
        {
            case "Hello":
                Hello(call, HelloRequest.Parser.ParseFrom(payload));
                break;
            case "Start":
                Start(call, StartSandboxRequest.Parser.ParseFrom(payload));
                break;
            case "Boot":
                Boot(call);
                break;
            case "State":
                State(call);
                break;
            case "Shutdown":
                Shutdown(call);
                break;
            case "CreateContainer":
                CreateContainer(call, CreateContainerRequest.Parser.ParseFrom(payload));
                break;
            case "StartContainer":
                StartContainer(call, StartContainerRequest.Parser.ParseFrom(payload));
                break;
            case "DeleteContainer":
                DeleteContainer(call, DeleteContainerRequest.Parser.ParseFrom(payload));
                break;
            case "Exec":
                Exec(call, ExecRequest.Parser.ParseFrom(payload));
                break;
            case "Attach":
                Attach(call, AttachRequest.Parser.ParseFrom(payload));
                break;
            case "Dial":
                Dial(call, DialRequest.Parser.ParseFrom(payload));
                break;
            case "Signal":
                Signal(call, SignalRequest.Parser.ParseFrom(payload));
                break;
            case "Wait":
                Wait(call, WaitRequest.Parser.ParseFrom(payload));
                break;
            case "Resize":
                Resize(call, ResizeRequest.Parser.ParseFrom(payload));
                break;
            case "Update":
                Update(call, UpdateRequest.Parser.ParseFrom(payload));
                break;
            case "ReopenLog":
                ReopenLog(call, ReopenLogRequest.Parser.ParseFrom(payload));
                break;
            case "Pause":
                Pause(call, PauseRequest.Parser.ParseFrom(payload));
                break;
            case "Resume":
                Resume(call, ResumeRequest.Parser.ParseFrom(payload));
                break;
            case "Stats":
                Stats(call, StatsRequest.Parser.ParseFrom(payload));
                break;
            case "Events":
                Events(call, EventsRequest.Parser.ParseFrom(payload));
                break;
            default:
                throw new SandboxException(RpcCode.Unimplemented, $"There is no call {method}.");
        }
    }

    /// <exception cref="SandboxException">NOT_FOUND.</exception>
    private Container Find(string containerId) => _pod.Find(containerId)
        ?? throw new SandboxException(RpcCode.NotFound, $"There is no container {containerId}.");
}
