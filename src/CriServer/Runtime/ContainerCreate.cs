using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Grpc.Core;

namespace Crisp.CriServer.Runtime;

public sealed partial class RuntimeServer
{
    /// <summary>
    /// Makes a container, up to the point where only its process is missing. The record is written last: whatever a crash
    /// leaves behind before that has no record and is removed at the next start.
    /// </summary>
    public override async Task<CreateContainerResponse> CreateContainer(CreateContainerRequest request, ServerCallContext context)
    {
        var metadata = request.Config?.Metadata ?? throw CriException.Invalid("CreateContainer needs config.metadata: it names the container.");
        if (metadata.Name.Length == 0)
        {
            throw CriException.Invalid("config.metadata needs a name.");
        }

        var sandbox = _node.Index.FindSandbox(request.PodSandboxId)
            ?? throw CriException.NotFound($"There is no pod {request.PodSandboxId}.");
        var name = new ContainerName(metadata.Name, metadata.Attempt);
        var digest = RequestDigest.Of(request);
        var id = await _node.Creations.RunAsync(
            $"container {name.Name}_{name.Attempt} of the pod {sandbox.Id}",
            digest,
            () => CreateAsync(request, sandbox, name, digest),
            context.CancellationToken);

        // A caller that has given up meanwhile will retry, and must get this container.
        if (!context.CancellationToken.IsCancellationRequested)
        {
            _node.Index.FindContainer(id)?.MarkAnswered();
        }

        return new CreateContainerResponse { ContainerId = id };
    }

    private async Task<string> CreateAsync(CreateContainerRequest request, LiveSandbox sandbox, ContainerName name, string digest)
    {
        await sandbox.Gate.WaitAsync();
        try
        {
            sandbox.MarkAnswered();
            if (sandbox.Containers.Values.FirstOrDefault(c => c.Record.Metadata == name) is { } existing)
            {
                // The answer to the first call was lost, with its caller or with the daemon: this is the retry.
                return !existing.Record.Answered && existing.Record.RequestDigest == digest && existing.Record.Stage == ContainerStage.Created
                    ? existing.Id
                    : throw CriException.Exists(
                        $"The container {name.Name} (attempt {name.Attempt}) of the pod {sandbox.Id} exists already, as {existing.Id}. " +
                        "Remove it first, or use another attempt.");
            }

            using var image = ContainerCreation.AcquireImage(_node, request.Config);
            using var volumes = ImageVolumes.Acquire(_node, request.Config);
            var devices = ContainerDevices.Find(_config.Current.CdiSpecDirectories, request.Config, sandbox.Record, _node.Logger);
            var record = await ContainerCreation.RunAsync(_node, sandbox, request.Config, image.Image, volumes, devices, digest);
            _node.Index.Add(new LiveContainer(record, _node.ContainerRecords));
            return record.Id;
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }
}
