using System.Net;

namespace Crisp.Images.Registry.Hosts;

/// <summary>Where a registry is when no file says it: containerd's rules (core/remotes/docker/config/hosts.go, ConfigureHosts).</summary>
internal static class DefaultHost
{
    private const string DockerHub = "docker.io";
    private const string DockerHubServer = "registry-1.docker.io";

    /// <param name="registry">Of an image's name: docker.io, localhost:5000, [::1]:5000.</param>
    internal static RegistryHost Of(string registry)
    {
        var host = registry == DockerHub ? DockerHubServer : registry;
        var url = new Uri($"https://{host}/v2");
        if (!IsLoopback(url) || url.IsDefaultPort)
        {
            return new RegistryHost { Url = url, IsServer = true };
        }

        // A registry on this very machine seldom has a certificate, and nobody is in between.
        return url.Port == 80
            ? new RegistryHost { Url = new Uri($"http://{host}/v2"), IsServer = true }
            : new RegistryHost { Url = url, IsServer = true, SkipVerify = true, MayBePlain = true };
    }

    internal static bool IsLoopback(Uri url)
        => url.Host == "localhost" || (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    /// <summary>Whether both name one registry: Docker Hub has several names.</summary>
    internal static bool IsSame(string one, string other)
        => string.Equals(Canonical(one), Canonical(other), StringComparison.OrdinalIgnoreCase);

    private static string Canonical(string host) => host is DockerHubServer or "index.docker.io" ? DockerHub : host;
}
