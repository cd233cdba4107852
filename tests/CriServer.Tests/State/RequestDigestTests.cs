using Crisp.Cri.V1;
using Crisp.CriServer.State;
using Xunit;

namespace Crisp.CriServer.Tests.State;

public sealed class RequestDigestTests
{
    [Fact]
    public void OrderOfMaps_DoesNotCount()
    {
        var one = Request();
        one.Config.Labels.Add("a", "1");
        one.Config.Labels.Add("b", "2");
        var two = Request();
        two.Config.Labels.Add("b", "2");
        two.Config.Labels.Add("a", "1");
        Assert.Equal(RequestDigest.Of(one), RequestDigest.Of(two));
    }

    [Fact]
    public void EveryDifference_Counts()
    {
        var digests = new List<string> { RequestDigest.Of(Request()) };
        Add(r => r.Config.Hostname = "h");
        Add(r => r.RuntimeHandler = "x");
        Add(r => r.Config.Labels.Add("a", "1"));
        Add(r => r.Config.Annotations.Add("a", "1"));
        Add(r => r.Config.Linux = new LinuxPodSandboxConfig { Sysctls = { ["a"] = "1" } });
        Assert.Equal(digests.Count, digests.Distinct().Count());

        void Add(Action<RunPodSandboxRequest> change)
        {
            var request = Request();
            change(request);
            digests.Add(RequestDigest.Of(request));
        }
    }

    [Fact]
    public void Request_StaysAsItIs()
    {
        var request = Request();
        request.Config.Labels.Add("a", "1");
        RequestDigest.Of(request);
        Assert.Single(request.Config.Labels);
    }

    private static RunPodSandboxRequest Request() => new()
    {
        Config = new PodSandboxConfig { Metadata = new PodSandboxMetadata { Name = "n", Uid = "u", Namespace = "s" } },
    };
}
