using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Spec;
using Google.Protobuf;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>CreateContainer of a VM pod: its log is opened, its descriptors become exports and disks, and the guest makes the rest. On failure nothing of it exists.</summary>
internal static class GuestCreation
{
    private const int MostGroups = 65536;

    /// <param name="rewritten">As the guest gets it.</param>
    /// <param name="descriptors">From here on they are closed by the container, or on failure.</param>
    public static void Begin(
        VmPod pod,
        ContainerSpec spec,
        ContainerSpec rewritten,
        FileDescriptor[] descriptors,
        CallDeadline deadline,
        Action<Container> done,
        Action<Exception> failed)
    {
        pod.Creating.Add(spec.Id);
        pod.Launches.Run(
            () => Prepare(pod, spec, descriptors),
            made => Ask(pod, spec, rewritten with { Disks = made.Disks }, made.Log, Exports(spec), deadline, done, Fail),
            Fail);

        void Fail(Exception error)
        {
            pod.Creating.Remove(spec.Id);
            failed(error);
        }
    }

    private static int Exports(ContainerSpec spec) => 1 + spec.Mounts.Count(m => m.Source.NeedsDescriptor);

    private static (LogFile? Log, IReadOnlyList<DiskSpec>? Disks) Prepare(VmPod pod, ContainerSpec spec, FileDescriptor[] descriptors)
    {
        // Exported, attached or thrown out, it is not ours to close any more.
        var taken = 0;
        LogFile? log = null;
        try
        {
            log = spec.Log is null ? null : LogFile.Open(descriptors[^1], spec.Log);
            foreach (var mount in spec.Mounts.Where(m => m.Source.NeedsDescriptor).Prepend<MountSpec?>(null))
            {
                var name = GuestContainer.ExportName(spec.Id, taken);
                pod.Machine.Export(name, descriptors[taken++], mount is { Readonly: true } or { RecursiveReadonly: true }, isShared: mount is not null);
            }

            return (log, spec.Disks?.Select(d => pod.Disks.Attach(spec.Id, d, descriptors[taken++])).ToList());
        }
        catch (Exception e)
        {
            Array.ForEach(descriptors[taken..], static d => d.Dispose());
            GuestContainer.TakeBack(pod, spec.Id, Exports(spec));
            log?.Dispose();
            throw e is ArgumentException ? new SandboxException(RpcCode.InvalidArgument, e.Message, e) : e;
        }
    }

    private static void Ask(
        VmPod pod,
        ContainerSpec spec,
        ContainerSpec rewritten,
        LogFile? log,
        int exports,
        CallDeadline deadline,
        Action<Container> done,
        Action<Exception> failed)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(rewritten, SpecJson.Default.ContainerSpec);
        var request = new CreateContainerRequest { SpecJson = ByteString.CopyFrom(json) };
        pod.Call("CreateContainer", request, CreateContainerResponse.Parser, deadline, Created, Fail);

        void Created(CreateContainerResponse answer)
        {
            var container = new GuestContainer(pod, spec, User(answer), log, exports);
            pod.Creating.Remove(spec.Id);
            pod.Containers.Add(spec.Id, container);
            done(container);
        }

        void Fail(Exception error)
        {
            log?.Dispose();
            GuestContainer.ForgetLate(pod, spec.Id, error);
            pod.Ends.Run(() => GuestContainer.TakeBack(pod, spec.Id, exports), () => failed(error), _ => failed(error));
        }
    }

    private static ResolvedUser User(CreateContainerResponse answer)
        => answer.AdditionalGids.Count <= MostGroups && answer.AdditionalGids.Append(answer.Uid).Append(answer.Gid).All(static id => id is >= 0 and < uint.MaxValue)
            ? new ResolvedUser((uint)answer.Uid, (uint)answer.Gid, [.. answer.AdditionalGids.Select(static g => (uint)g)], "/")
            : throw new SandboxException(RpcCode.Internal, "The guest told of a user that cannot be.");
}
