using System.Globalization;
using System.Text.Json;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Streams;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>A container in a guest, as its monitor has it: state, log and exit are here, the processes are there.</summary>
internal sealed class GuestContainer(VmPod pod, ContainerSpec spec, ResolvedUser user, LogFile? log, int exports) : Container(spec, user)
{
    private LogFile? _log = log;

    /// <param name="index">0 is the rootfs, n the n-th of the descriptors that follow it.</param>
    public static string ExportName(string id, int index) => string.Create(CultureInfo.InvariantCulture, $"{id}-{index}");

    /// <summary>Takes from the guest what the container has of the node. May block. What the guest did not get is no error.</summary>
    public static void TakeBack(VmPod pod, string id, int exports)
    {
        for (var i = 0; i < exports; i++)
        {
            pod.Machine.Unexport(ExportName(id, i));
        }

        pod.Disks.Detach(id);
    }

    /// <summary>What the guest does after nobody waits for it any more, it is told to undo.</summary>
    public static void ForgetLate(VmPod pod, string id, Exception error)
    {
        if (error is SandboxException { Code: RpcCode.DeadlineExceeded } && pod.MachineEnd is null)
        {
            pod.Call(
                "DeleteContainer",
                new DeleteContainerRequest { ContainerId = id },
                DeleteContainerResponse.Parser,
                CallDeadline.Usual,
                static _ => { },
                static _ => { });
        }
    }

    public override void Start(ClientStreams? output, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        if (output is not null)
        {
            output.Close();
            throw new SandboxException(RpcCode.InvalidArgument, "The output of a virtual machine's container goes to its log.");
        }

        Operations.Run(end =>
        {
            pod.RequireNotEnding();
            Require(ContainerStatus.Created);
            pod.RequireGuest();
            BeginStart();
            GuestStreams.Open(pod, deadline, stdin: false, stdout: true, stderr: !Spec.Process.Terminal, Go, Fail);

            void Go(GuestStreams streams)
            {
                Log = OpenLog(streams);
                var request = new StartContainerRequest
                {
                    ContainerId = Id,
                    StreamToken = ByteString.CopyFrom(streams.Token),
                    Stdout = true,
                    Stderr = !Spec.Process.Terminal,
                };
                pod.Call(
                    "StartContainer",
                    request,
                    StartContainerResponse.Parser,
                    deadline,
                    _ =>
                    {
                        // The guest's number of the process means nothing on the node; this process is what there is of it.
                        Started(Environment.ProcessId, Clock.Now());
                        AwaitEnd();
                        end.With(done)();
                    },
                    Fail);
            }

            void Fail(Exception error)
            {
                Log?.Dispose();
                ForgetLate(pod, Id, error);
                ContainerExit.NeverStarted(pod, this, error.Message, end.With(() => failed(error)));
            }
        }, failed);
    }

    public override void Delete(CallDeadline deadline, Action done, Action<Exception> failed)
    {
        var request = new DeleteContainerRequest { ContainerId = Id };
        if (Status == ContainerStatus.Starting && pod.MachineEnd is null)
        {
            // The deletion waits for the start, which may hang: it fails when the guest kills what it launches.
            pod.Call("DeleteContainer", request, DeleteContainerResponse.Parser, deadline, static _ => { }, static _ => { });
        }

        Operations.Run(end =>
        {
            var (succeed, fail) = (end.With(done), end.With(failed));
            if (IsDeleted)
            {
                succeed();
            }
            else if (pod.MachineEnd is not null)
            {
                WhenOver(() => Remove(succeed, fail));
            }
            else
            {
                pod.Call(
                    "DeleteContainer",
                    request,
                    DeleteContainerResponse.Parser,
                    deadline,
                    _ => WhenOver(() => Remove(succeed, fail)),
                    fail);
            }
        }, failed);
    }

    public override void Exec(string id, ProcessSpec process, ClientStreams streams, CallDeadline deadline, Action<Exec> done, Action<Exception> failed)
        => GuestExec.Begin(pod, this, id, process, streams, deadline, done, failed);

    public override void Attach(ClientStreams streams, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        Attachment.BeginOutput(pod.Loop, this, streams);
        if (streams.Stdin is { } stdin)
        {
            GuestExec.AttachInput(pod, this, stdin, deadline, done, error =>
            {
                streams.Close();
                failed(error);
            });
        }
        else
        {
            done();
        }
    }

    public override void Signal(Exec? exec, int signal, CallDeadline deadline, Action done, Action<Exception> failed)
        => SignalGuest(new SignalRequest { ContainerId = Id, ExecId = exec?.Id ?? "", Signal = signal }, deadline, done, failed);

    public override void KillAll(CallDeadline deadline, Action done, Action<Exception> failed)
        => SignalGuest(new SignalRequest { ContainerId = Id, Signal = Linux.Signals.Kill, All = true }, deadline, done, failed);

    public override void Resize(Exec? exec, ushort width, ushort height, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        var request = new ResizeRequest { ContainerId = Id, ExecId = exec?.Id ?? "", Width = width, Height = height };
        pod.Call("Resize", request, ResizeResponse.Parser, deadline, _ => done(), failed);
    }

    public override void Update(ResourcesSpec resources, CallDeadline deadline, Action done, Action<Exception> failed)
        => Operations.Run(end =>
        {
            RequireNotEnded();
            var json = JsonSerializer.SerializeToUtf8Bytes(GuestSpec.For(resources), SpecJson.Default.ResourcesSpec);
            var request = new UpdateRequest { ContainerId = Id, ResourcesJson = ByteString.CopyFrom(json) };
            pod.Call("Update", request, UpdateResponse.Parser, deadline, _ => end.With(done)(), end.With(failed));
        }, failed);

    public override void Pause(CallDeadline deadline, Action done, Action<Exception> failed)
        => Operations.Run(end =>
        {
            Require(ContainerStatus.Running);
            pod.Call(
                "Pause",
                new PauseRequest { ContainerId = Id },
                PauseResponse.Parser,
                deadline,
                _ =>
                {
                    Move(ContainerStatus.Running, ContainerStatus.Paused);
                    end.With(done)();
                },
                end.With(failed));
        }, failed);

    public override void Resume(CallDeadline deadline, Action done, Action<Exception> failed)
        => Operations.Run(end =>
        {
            Require(ContainerStatus.Paused);
            pod.Call(
                "Resume",
                new ResumeRequest { ContainerId = Id },
                ResumeResponse.Parser,
                deadline,
                _ =>
                {
                    Move(ContainerStatus.Paused, ContainerStatus.Running);
                    end.With(done)();
                },
                end.With(failed));
        }, failed);

    public override void Stats(StatsRequest request, CallDeadline deadline, Action<StatsResponse> done, Action<Exception> failed) => pod.Stats(request, deadline, done, failed);

    /// <summary>Nobody writes to it any more.</summary>
    public void CloseLog()
    {
        Log?.Dispose();
        Log = null;
        _log?.Dispose();
        _log = null;
    }

    private LogPump OpenLog(GuestStreams streams)
    {
        var writer = new LogWriter(_log, pod.LogBuffers);
        _log = null;

        // Both are sockets here; that a terminal is behind one matters only to the guest.
        var stdout = new LogSource(streams.Stdout!, isTerminal: false, isStderr: false, pod.LogBuffers);
        return streams.Stderr is not { } stderr
            ? new LogPump(writer, stdout)
            : new LogPump(writer, stdout, new LogSource(stderr, isTerminal: false, isStderr: true, pod.LogBuffers));
    }

    private void AwaitEnd()
        => pod.Call("Wait", new WaitRequest { ContainerId = Id }, WaitResponse.Parser, deadline: null, a => Ended(GuestExit.From(a)), e => Ended(GuestExit.From(e)));

    private void Ended(ExitInfo exit)
    {
        BeginEnd();
        GuestOutputEnd.Await(pod, Log!, () => ContainerExit.Begin(pod, this, exit));
    }

    private void SignalGuest(SignalRequest request, CallDeadline deadline, Action done, Action<Exception> failed)
    {
        // One that has ended already is no error: the signal came a moment too late, and what it was to do is done.
        if (Status is ContainerStatus.Ending or ContainerStatus.Stopped)
        {
            done();
            return;
        }

        pod.Call("Signal", request, SignalResponse.Parser, deadline, _ => done(), failed);
    }

    private void WhenOver(Action action)
    {
        if (Status is ContainerStatus.Created or ContainerStatus.Stopped)
        {
            action();
        }
        else
        {
            WhenStopped(action);
        }
    }

    private void Remove(Action done, Action<Exception> failed)
        => pod.Ends.Run(
            () => TakeBack(pod, Id, exports),
            () =>
            {
                CloseLog();
                Deleted();
                pod.Containers.Remove(Id);
                pod.Events.Forget(Id);
                pod.Exits.Forget(Id);
                done();
            },
            failed);
}
