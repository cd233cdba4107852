using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Streams;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>A connection to a port of the guest's loopback: process 1 there makes it, and the client's streams are joined to it.</summary>
internal static class GuestPort
{
    /// <param name="client">Input and output; closed at the end, or on failure.</param>
    public static void Dial(VmPod pod, ushort port, ClientStreams client, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        GuestStreams.Open(
            pod,
            deadline,
            stdin: true,
            stdout: true,
            stderr: false,
            streams =>
            {
                var request = new DialRequest { Port = port, StreamToken = ByteString.CopyFrom(streams.Token) };
                pod.Call(
                    "Dial",
                    request,
                    DialResponse.Parser,
                    deadline,
                    _ =>
                    {
                        streams.Join(pod.Loop, client);
                        done();
                    },
                    error =>
                    {
                        streams.Dispose();
                        Fail(error);
                    });
            },
            Fail);

        void Fail(Exception error)
        {
            client.Close();
            failed(error);
        }
    }
}
