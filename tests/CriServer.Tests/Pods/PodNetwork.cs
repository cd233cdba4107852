using System.Diagnostics;
using System.Text.Json;
using Crisp.Cri.V1;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>Interfaces in a pod's network namespace, as a CNI plugin would make them.</summary>
internal static class PodNetwork
{
    /// <summary>A pod with a pair of interfaces, eth0 and peer, and some packets between them.</summary>
    public static async Task<string> RunPodAsync(PodNode node)
    {
        var pod = await node.RunPodAsync(c => c.Linux.SecurityContext.NamespaceOptions.Network = NamespaceMode.Pod);
        await AddPairAsync(node, pod);
        return pod;
    }

    private static async Task AddPairAsync(PodNode node, string pod)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/nsenter") && File.Exists("/usr/sbin/ip"), "Needs nsenter and ip.");
        var status = await node.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = pod, Verbose = true });
        using var info = JsonDocument.Parse(status.Info["info"]);
        var path = info.RootElement.GetProperty("namespaces").GetProperty("net").GetString();

        // Two interfaces that come up greet their neighbours (RFC 4862), which each receives from the other.
        const string Script = "ip link add eth0 type veth peer name peer && ip link set peer up && ip link set eth0 up";
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/nsenter", [$"--net={path}", "sh", "-c", Script]) { RedirectStandardError = true })!;
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, error);
    }
}
