using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>From a machine that has just been started to a guest that has started the pod: connect, Hello, Start.</summary>
internal sealed class GuestBoot
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(10);
    private readonly VmPod _pod;
    private readonly ByteString _network;
    private readonly CallDeadline _deadline;
    private readonly Action<GuestConnection> _done;
    private readonly Action<Exception> _failed;
    private GuestConnection? _connection;
    private bool _isOver;

    private GuestBoot(VmPod pod, ByteString network, CallDeadline deadline, Action<GuestConnection> done, Action<Exception> failed)
    {
        (_pod, _network, _deadline, _done, _failed) = (pod, network, deadline, done, failed);
    }

    public static GuestBoot Begin(VmPod pod, ByteString network, CallDeadline deadline, Action<GuestConnection> done, Action<Exception> failed)
    {
        var boot = new GuestBoot(pod, network, deadline, done, failed);
        boot.Connect();
        return boot;
    }

    /// <summary>Ends it, when it is not over already.</summary>
    public void Fail(Exception error)
    {
        if (!_isOver)
        {
            _isOver = true;
            _connection?.Close(error.Message);
            _failed(error);
        }
    }

    private void Connect()
    {
        if (!_isOver)
        {
            GuestDial.Begin(_pod.Loop, _pod.Machine, ConnectionKind.Control, default, _deadline, Greet, Again);
        }
    }

    // Nobody listens before process 1 does: connections are refused until then.
    private void Again(Exception error)
    {
        if (_deadline.HasPassed)
        {
            Fail(error);
        }
        else
        {
            _pod.Loop.After(_pause, Connect);
        }
    }

    private void Greet(FileDescriptor socket)
    {
        if (_isOver)
        {
            socket.Dispose();
            return;
        }

        _connection = new GuestConnection(_pod.Loop, socket, _pod.GuestLost);
        var request = new HelloRequest { Version = ProtocolVersion.Current };
        request.Features.AddRange(ProtocolVersion.Features);
        _connection.Call("Hello", request, HelloResponse.Parser, _deadline, Start, Fail);
    }

    private void Start(HelloResponse hello)
    {
        if (hello.Version is < ProtocolVersion.Oldest or > ProtocolVersion.Current)
        {
            Fail(new SandboxException(
                RpcCode.FailedPrecondition,
                $"The guest speaks version {hello.Version} of the protocol, this program {ProtocolVersion.Current}. Make the guest image anew (crisp vm build)."));
            return;
        }

        var spec = JsonSerializer.SerializeToUtf8Bytes(GuestSpec.For(_pod.Spec!), SpecJson.Default.SandboxSpec);
        var request = new StartSandboxRequest { SpecJson = ByteString.CopyFrom(spec), NetworkJson = _network };
        _connection!.Call("Start", request, StartSandboxResponse.Parser, _deadline, Started, Fail);
    }

    private void Started(StartSandboxResponse response)
    {
        if (!_isOver)
        {
            _isOver = true;
            _done(_connection!);
        }
    }
}
