using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Google.Protobuf;

namespace Crisp.Sandbox.Server;

internal sealed partial class SandboxService
{
    private void CreateContainer(Call call, CreateContainerRequest request)
    {
        // First of all, so that a refusal closes them too.
        var descriptors = TakeDescriptors(request.DescriptorToken);
        ContainerSpec spec;
        try
        {
            spec = ParseContainer(request.SpecJson);
        }
        catch
        {
            Array.ForEach(descriptors, static d => d.Dispose());
            throw;
        }

        _pod.Create(spec, descriptors, call.Deadline, container => Created(call, container), call.Fail);
    }

    private static void Created(Call call, Container container)
    {
        if (call.IsAbandoned)
        {
            // A daemon that died meanwhile has no record of it, and the next one may have asked for the state already.
            container.Delete(CallDeadline.Usual, static () => { }, e => Diagnostics.Say(e.Message));
            return;
        }

        call.Answer(Describe(container));
    }

    private static ContainerSpec ParseContainer(ByteString json)
    {
        var spec = JsonSerializer.Deserialize(json.Span, SpecJson.Default.ContainerSpec)
            ?? throw new SandboxException(RpcCode.InvalidArgument, "CreateContainer: the specification is null.");
        return spec.Version <= ContainerSpec.CurrentVersion
            ? spec
            : throw new SandboxException(
                RpcCode.FailedPrecondition,
                $"The container specification has the version {spec.Version}; this pod's process knows up to {ContainerSpec.CurrentVersion}.");
    }

    private static CreateContainerResponse Describe(Container container)
    {
        var response = new CreateContainerResponse { Uid = container.User.Uid, Gid = container.User.Gid };
        foreach (var group in container.User.Groups)
        {
            response.AdditionalGids.Add(group);
        }

        return response;
    }

    private FileDescriptor[] TakeDescriptors(ByteString token)
    {
        if (token.IsEmpty)
        {
            return [];
        }

        return token.Length == Preface.TokenSize && _descriptors.Take(new Guid(token.Span)) is { } descriptors
            ? descriptors
            : throw new SandboxException(RpcCode.FailedPrecondition, "No descriptors wait under the token: they were never sent, or more than 30 s ago.");
    }
}
