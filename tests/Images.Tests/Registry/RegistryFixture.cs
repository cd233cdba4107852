using System.Text;
using Crisp.Images.Registry;

namespace Crisp.Images.Tests.Registry;

/// <summary>What the registry's tests have in common: impatient options, and one repository "app" on a fake registry.</summary>
internal static class RegistryFixture
{
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
    public const string ManifestPath = "/v2/app/manifests/1";

    public static RegistryOptions Options { get; } = new()
    {
        HostDirectories = [],
        Attempts = 3,
        RetryDelay = TimeSpan.FromMilliseconds(1),
        MaxRetryDelay = TimeSpan.FromSeconds(1),
        ProgressTimeout = TimeSpan.FromSeconds(10),
        DocumentTimeout = TimeSpan.FromSeconds(10),
    };

    /// <summary>A document that is a manifest as far as the client looks.</summary>
    public static byte[] Manifest { get; } = Encoding.UTF8.GetBytes("""{"schemaVersion":2,"config":{},"layers":[]}""");

    public static Served ServedManifest { get; } = new(Manifest, ManifestType, Digest.Of(Manifest).ToString());

    public static RegistrySession Open(
        this FakeRegistry registry, RegistryCredentials? credentials = null, RegistryOptions? options = null, RegistryClient? client = null)
        => (client ?? new RegistryClient()).Open(ImageReference.Parse($"{registry.Name}/app:1"), credentials, options ?? Options);

    public static RegistryCredentials Password(string user, string password, string? server = null)
        => RegistryCredentials.From(user, password, null, server, null, null)!;
}
