using Crisp.Cri.V1;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>The kubelet's volumeDevices in a pod that is a virtual machine.</summary>
public sealed class VmBlockDeviceTests(VmPodNode machines) : IClassFixture<VmPodNode>
{
    [Fact]
    public async Task BlockDevice_IsTheContainersOverARestartOfTheDaemon_AndFreeWhenItIsRemoved()
    {
        VmPodNode.Require();
        var node = machines.Node;
        var file = Path.Combine(node.Daemon.Scratch, "disk");
        using var device = LoopDevice.Create(file, "found\n");
        var pod = await node.RunPodAsync(c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod, VmPodNode.Handler);
        var container = await node.LaunchAsync(pod, ["sleep", "1000"], Asking("mrw"));
        Assert.Equal((0, "found\n", ""), await node.ExecAsync(container, "head", "-n", "1", "/dev/xvda"));
        await node.Daemon.StopAsync();
        await node.Daemon.StartAgainAsync();
        Assert.Equal(0, (await node.ExecAsync(container, "sh", "-c", "echo written | dd of=/dev/xvda conv=notrunc,fsync")).Code);
        Assert.StartsWith("written\n", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);

        // Another that may only read it, at the same time: by its device's cgroup too.
        var (status, output) = await node.OutputAsync(pod, ["sh", "-c", "head -n 1 /dev/xvda; echo x > /dev/xvda || echo refused"], Asking("r"));
        Assert.Equal(0, status.ExitCode);
        Assert.StartsWith("written\n", output, StringComparison.Ordinal);
        Assert.EndsWith("\nrefused", output, StringComparison.Ordinal);
        await node.RemoveAsync(status.Id);
        await node.StopAsync(container);
        await node.RemoveAsync(container);
        device.Release();

        Action<ContainerConfig> Asking(string permissions) => c => c.Devices.Add(new Device { HostPath = device.Path, ContainerPath = "/dev/xvda", Permissions = permissions });
    }
}
