using Crisp.Cri.V1;
using Crisp.CriServer.Cdi;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Runtime;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.Images;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>The steps of CreateContainer: specification, directories, mounts, the pod's process, and last the record.</summary>
internal static class ContainerCreation
{
    /// <summary>On return the container exists; on failure nothing of it does.</summary>
    public static async Task<ContainerRecord> RunAsync(
        Node node, LiveSandbox sandbox, ContainerConfig config, ImageRecord image, ImageVolumes volumes, CdiInjection cdi, string digest)
    {
        if (sandbox.Link is not { } link || sandbox.Record.Stage != SandboxStage.Ready || sandbox.Removed)
        {
            throw CriException.Precondition($"The pod {sandbox.Id} is not ready, so that no container can be made in it.");
        }

        var size = LayerSizes.Of(sandbox.Record.Annotations, config.Metadata.Name, node.Config.WritableLayerSize);
        var id = Identifier.Create();
        var input = new ContainerSpecInput(
            id, config, sandbox.Record, image, node.DirectoriesOf(id), node.FilesOf(sandbox.Record), node.Facts)
        {
            Volumes = volumes.Images,
            Cdi = cdi,
            LayerIsLimited = size is not null,
        };
        var spec = CheckTarget(ContainerSpecBuilder.Build(input), sandbox);
        try
        {
            MakeDirectories(input);
            var quota = size is null ? null : node.LayerQuotas.Limit(input.Directories, size);
            OciBundle.Make(spec, input);
            Failpoint.Hit(FailpointName.ContainerDirectoriesMade);
            var user = await HandOverAsync(input, spec, link);
            Failpoint.Hit(FailpointName.ContainerCreated);
            var record = Record(input, spec, image, user, digest) with { LayerQuota = quota };
            node.ContainerRecords.Write(record);
            Failpoint.Hit(FailpointName.ContainerRecorded);
            return record;
        }
        catch
        {
            await RollBackAsync(node, input, link);
            throw;
        }
    }

    private static async Task<ContainerIdentity> HandOverAsync(ContainerSpecInput input, ContainerSpec spec, SandboxLink link)
    {
        var mounts = new List<FileDescriptor>();
        try
        {
            using var userNamespace = input.UserNamespace ? link.OpenUserNamespace() : null;
            ContainerMounts.Open(spec, input, userNamespace, mounts);
            Failpoint.Hit(FailpointName.ContainerMountsOpened);
            var answer = await link.Client.CreateContainerAsync(spec, mounts);
            return new ContainerIdentity(answer.Uid, answer.Gid, [.. answer.AdditionalGids]);
        }
        finally
        {
            // The pod's process holds copies; ours would pin the volumes.
            mounts.ForEach(m => m.Dispose());
        }
    }

    /// <summary>The container's image, kept on the node until the container's record keeps it.</summary>
    public static ImageLease AcquireImage(Node node, ContainerConfig config)
    {
        var reference = config.Image?.Image ?? "";
        if (reference.Length == 0)
        {
            throw CriException.Invalid("CreateContainer needs config.image.image: a name or an id of an image.");
        }

        return node.Images.Acquire(reference)
            ?? throw CriException.NotFound($"The image {reference} is not on this node. Pull it, or bring it in with crisp image import.");
    }

    private static ContainerSpec CheckTarget(ContainerSpec spec, LiveSandbox sandbox)
    {
        if (spec.Namespaces.TargetContainerId is not { } target)
        {
            return spec;
        }

        return sandbox.Containers.TryGetValue(target, out var container) && container.Record.Stage == ContainerStage.Running
            ? spec
            : throw CriException.Precondition($"namespace_options.target_id {target} is no running container of the pod {sandbox.Id}.");
    }

    private static void MakeDirectories(ContainerSpecInput input)
    {
        var directories = input.Directories;
        PrivateDirectory.Create(directories.Path);
        PrivateDirectory.Create(directories.Work);
        if (input.LayerIsLimited)
        {
            PrivateDirectory.Create(directories.Volumes);
        }

        // The root of the writable layer is the root directory that the container sees: its mode and owner show inside.
        Directory.CreateDirectory(directories.Upper, (UnixFileMode)0x1ED);
        using var upper = Files.Open(directories.Upper, OpenFlags.Directory | OpenFlags.NoFollow);
        var root = input.Image.Root;
        var (uids, gids) = (input.Sandbox.Spec.UidMappings, input.Sandbox.Spec.GidMappings);
        Files.Fchown(upper, input.UserNamespace ? uids[0].HostId + root.Uid : root.Uid, input.UserNamespace ? gids[0].HostId + root.Gid : root.Gid);
        Files.Fchmod(upper, root.Mode);
    }

    private static async Task RollBackAsync(Node node, ContainerSpecInput input, SandboxLink link)
    {
        try
        {
            await link.Client.DeleteContainerAsync(input.Id);
        }
        catch (Sandbox.Protocol.SandboxException)
        {
            // A pod's process that does not answer is dying or dead, and takes the container with it.
        }

        node.LayerQuotas.Release(input.Directories);
        TreeRemoval.Remove(input.Directories.Path);
    }

    private static ContainerRecord Record(
        ContainerSpecInput input, ContainerSpec spec, ImageRecord image, ContainerIdentity user, string digest)
    {
        var config = input.Config;
        var options = input.Security.NamespaceOptions ?? new NamespaceOption();
        return new ContainerRecord
        {
            Id = input.Id,
            SandboxId = input.Sandbox.Id,
            Stage = ContainerStage.Created,
            Metadata = new ContainerName(config.Metadata.Name, config.Metadata.Attempt),
            CreatedAt = Node.Now(),
            Labels = config.Labels.ToDictionary(),
            Annotations = config.Annotations.ToDictionary(),
            Image = ContainerImages.From(config.Image, image),
            LogPath = spec.Log is { } log ? Path.Combine(log.Directory, log.Name) : "",
            Mounts = [.. config.Mounts.Select(m => MountRecords.From(m, input.Volumes))],
            Namespaces = new NamespaceModes { Network = options.Network, Pid = options.Pid, Ipc = options.Ipc, TargetId = options.TargetId },
            StopSignal = StopSignals.ToCri(spec.StopSignal),
            User = user,
            Spec = spec,
            RequestDigest = digest,
        };
    }
}
