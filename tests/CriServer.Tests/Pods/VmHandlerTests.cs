using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Networking;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Handlers whose pods are virtual machines, as far as no machine has to run: what is refused, and what that leaves.</summary>
public sealed class VmHandlerTests : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();
    private readonly LeaseNetwork _network = new();
    private readonly PodNode _node;

    public VmHandlerTests()
    {
        var config = _directory.Combine("config.toml");
        File.WriteAllText(config, File.ReadAllText(_network.ConfigFile) + $"""
            [runtimes.kvm]
            image_dir = "{Image}"
            [runtimes.plain]
            kind = "namespaces"

            """);
        _node = new PodNode(config, _network);
    }

    public ValueTask InitializeAsync() => _node.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task HandlerThatCannotRun_SaysWhyInStatusAndInItsRefusal()
    {
        PodNode.Require();
        await BothSayAsync(File.Exists("/dev/kvm") ? $"There is no guest image in {Image}. Make it with: crisp vm build" : "/dev/kvm cannot be opened");

        RequireKvm();
        TestGuestImage.Write(Image, "0.0.9");
        await BothSayAsync($"The guest image in {Image} was made by crisp 0.0.9");

        TestGuestImage.Write(Image);
        File.AppendAllText(Path.Combine(Image, "kernel"), "!");
        await BothSayAsync($"The guest image in {Image} is damaged: its kernel");

        TestGuestImage.Write(Image);
        Assert.True((await ConditionAsync()).Status);
    }

    [Fact]
    public async Task Handlers_AreThoseOfTheConfigurationWithTheirFeatures()
    {
        PodNode.Require();
        var handlers = (await _node.Runtime.StatusAsync(new StatusRequest())).RuntimeHandlers;

        Assert.Equal(["", "crisp", "kvm", "plain"], handlers.Select(h => h.Name));
        Assert.False(handlers.Single(h => h.Name == "kvm").Features.UserNamespaces);
        Assert.True(handlers.Single(h => h.Name == "kvm").Features.RecursiveReadOnlyMounts);
        var pod = await _node.RunPodAsync(handler: "plain");
        Assert.Equal("plain", (await _node.PodStatusAsync(pod)).RuntimeHandler);
        var (code, message) = await PodNode.RefusedAsync(() => _node.RunPodAsync(handler: "kata"));
        Assert.Equal((StatusCode.InvalidArgument, true), (code, message.Contains("which is also called crisp, kvm, plain.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task BootThatFails_LeavesNothing()
    {
        PodNode.Require();
        RequireKvm();
        TestGuestImage.Write(Image);

        var (code, message) = await PodNode.RefusedAsync(() => _node.RunPodAsync(PodNetworked, "kvm"));

        Assert.Equal((StatusCode.FailedPrecondition, true), (code, message.Contains("did not boot", StringComparison.Ordinal)));
        Assert.Contains(Path.Combine(Image, "kernel"), message, StringComparison.Ordinal);
        Assert.Empty((await _node.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest())).Items);
        Assert.Empty(_network.Leases);
        await Invariants.CheckAsync(_node);
        Assert.Empty(Invariants.CgroupsOf(_node));
    }

    [Fact]
    public async Task PodWithTheNodesNetwork_IsRefusedBeforeAnythingIsMade()
    {
        PodNode.Require();

        var (code, message) = await PodNode.RefusedAsync(() => _node.RunPodAsync(handler: "kvm"));

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.StartsWith("A pod that is a virtual machine cannot have the node's network (hostNetwork)", message, StringComparison.Ordinal);
    }

    private string Image => _directory.Combine("guest");

    private static void RequireKvm() => Assert.SkipUnless(File.Exists("/dev/kvm"), "needs /dev/kvm");

    private static void PodNetworked(PodSandboxConfig config) => config.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod;

    private async Task<RuntimeCondition> ConditionAsync()
        => (await _node.Runtime.StatusAsync(new StatusRequest())).Status.Conditions.Single(c => c.Type == "RuntimeHandlerReady/kvm");

    private async Task BothSayAsync(string sentence)
    {
        var condition = await ConditionAsync();
        Assert.Equal((false, true), (condition.Status, condition.Message.Contains(sentence, StringComparison.Ordinal)));
        var (code, message) = await PodNode.RefusedAsync(() => _node.RunPodAsync(PodNetworked, "kvm"));
        Assert.Equal((StatusCode.FailedPrecondition, condition.Message), (code, message));
        Assert.Empty(_network.Leases);
    }
}
