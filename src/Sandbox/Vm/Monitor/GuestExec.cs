using System.Text.Json;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Exec in a guest, and input for a container: the client's connections are joined to new ones to the guest.</summary>
internal static class GuestExec
{
    /// <param name="client">Closed on failure.</param>
    public static void Begin(
        VmPod pod,
        GuestContainer container,
        string id,
        ProcessSpec process,
        ClientStreams client,
        CallDeadline deadline,
        Action<Exec> done,
        Action<Exception> failed)
    {
        container.Operations.Run(
            end =>
            {
                pod.RequireNotEnding();
                container.Require(ContainerStatus.Running);
                pod.RequireGuest();
                var exec = container.Execs.Add(id);
                var fail = end.With<Exception>(error =>
                {
                    container.Execs.NeverRan(exec, error);
                    Fail(error);
                });
                GuestStreams.Open(
                    pod,
                    deadline,
                    client.Stdin is not null,
                    client.Stdout is not null,
                    client.Stderr is not null,
                    streams => Ask(pod, container, exec, process, streams, deadline, () =>
                    {
                        // Not as the guest numbers it: this process is what there is of it on the node.
                        exec.Pid = Environment.ProcessId;
                        streams.Join(pod.Loop, client);
                        end.With(() => done(exec))();
                    }, fail),
                    fail);
            },
            Fail);

        void Fail(Exception error)
        {
            client.Close();
            failed(error);
        }
    }

    /// <summary>Input for the main process. A container that takes none closes it.</summary>
    public static void AttachInput(VmPod pod, GuestContainer container, Connection client, CallDeadline deadline, Action done, Action<Exception> failed)
        => GuestStreams.Open(
            pod,
            deadline,
            stdin: true,
            stdout: false,
            stderr: false,
            streams =>
            {
                var request = new AttachRequest { ContainerId = container.Id, StreamToken = ByteString.CopyFrom(streams.Token), Stdin = true };
                pod.Call(
                    "Attach",
                    request,
                    AttachResponse.Parser,
                    deadline,
                    _ =>
                    {
                        streams.Join(pod.Loop, new ClientStreams(client, null, null));
                        done();
                    },
                    error =>
                    {
                        streams.Dispose();
                        failed(error);
                    });
            },
            failed);

    private static void Ask(
        VmPod pod,
        GuestContainer container,
        Exec exec,
        ProcessSpec process,
        GuestStreams streams,
        CallDeadline deadline,
        Action done,
        Action<Exception> failed)
    {
        var request = new ExecRequest
        {
            ContainerId = container.Id,
            ExecId = exec.Id,
            ProcessJson = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(GuestSpec.For(process), SpecJson.Default.ProcessSpec)),
            StreamToken = ByteString.CopyFrom(streams.Token),
            Stdin = streams.Stdin is not null,
            Stdout = streams.Stdout is not null,
            Stderr = streams.Stderr is not null,
        };
        pod.Call(
            "Exec",
            request,
            ExecResponse.Parser,
            deadline,
            _ =>
            {
                AwaitEnd(pod, container, exec);
                done();
            },
            error =>
            {
                streams.Dispose();
                failed(error);
            });
    }

    private static void AwaitEnd(VmPod pod, GuestContainer container, Exec exec)
    {
        var request = new WaitRequest { ContainerId = container.Id, ExecId = exec.Id };
        pod.Call("Wait", request, WaitResponse.Parser, deadline: null, a => Ended(GuestExit.From(a)), e => Ended(GuestExit.From(e)));

        void Ended(ExitInfo exit)
        {
            container.Execs.Ended(exec, exit);
            if (!container.IsDeleted)
            {
                pod.Events.ExecExited(container.Id, exec.Id, exit);
            }
        }
    }
}
