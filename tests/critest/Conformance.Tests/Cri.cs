using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Pods;
using Crisp.Network.Tests;
using Grpc.Core;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>One test's view of the runtime. Its pods are known by their namespace.</summary>
internal sealed class Cri(CallInvoker invoker, Endpoint endpoint, TemporaryDirectory directory) : CriCalls
{
    public override RuntimeService.RuntimeServiceClient Runtime { get; } = new(invoker);

    public ImageService.ImageServiceClient Images { get; } = new(invoker);

    public override string CgroupParent => endpoint.CgroupParent;

    public override string Image => endpoint.Image;

    public override string LogDirectory(string pod) => directory.File($"logs-{Id}-{pod}");

    /// <summary>Names of one test are not another's.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N")[..12];

    public async Task<string> PodAsync(Action<PodSandboxConfig>? change = null, string handler = "") => await UnlessRefusedAsync(() => RunPodAsync(
        config =>
        {
            config.Metadata.Namespace = $"conformance-{Id}";
            Directory.CreateDirectory(config.LogDirectory);
            if (endpoint.IsMachine)
            {
                // A machine's network is never the node's.
                config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;
            }

            change?.Invoke(config);
        },
        handler.Length > 0 ? handler : endpoint.Handler));

    internal override Task<string> CreateAsync(string pod, string[] command, Action<ContainerConfig>? change = null)
        => UnlessRefusedAsync(() => base.CreateAsync(pod, command, change));

    /// <summary>What no virtual machine has is no rule for one: the test is skipped with the runtime's own sentence.</summary>
    private async Task<string> UnlessRefusedAsync(Func<Task<string>> call)
    {
        try
        {
            return await call();
        }
        catch (RpcException e) when (endpoint.IsMachine && e.StatusCode == StatusCode.InvalidArgument
            && e.Status.Detail.StartsWith("A pod that is a virtual machine cannot have ", StringComparison.Ordinal))
        {
            Assert.Skip(e.Status.Detail);
            throw;
        }
    }

    /// <summary>A container in a pod of its own that runs its command.</summary>
    public async Task<string> RunAsync(string[] command, Action<ContainerConfig>? change = null, Action<PodSandboxConfig>? pod = null)
        => await LaunchAsync(await PodAsync(pod), command, change);

    /// <summary>What a shell script prints in a container of its own.</summary>
    public async Task<string> ScriptAsync(string script, Action<ContainerConfig>? change = null, Action<PodSandboxConfig>? pod = null)
        => (await OutputAsync(await PodAsync(pod), ["sh", "-c", script], change)).Output;

    public async Task<string> ShellAsync(string container, string script)
    {
        var (_, stdout, stderr) = await ExecAsync(container, "sh", "-c", script);
        return (stdout + stderr).Trim();
    }

    public async Task<string> PullAsync(string reference)
        => (await Images.PullImageAsync(new PullImageRequest { Image = new ImageSpec { Image = reference } })).ImageRef;

    public async Task<Image?> ImageAsync(string reference)
        => (await Images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = reference } })).Image;

    public async Task RemoveImageAsync(string reference)
        => await Images.RemoveImageAsync(new RemoveImageRequest { Image = new ImageSpec { Image = reference } });
}
