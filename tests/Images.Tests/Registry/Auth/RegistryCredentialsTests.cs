using System.Text;
using Xunit;

namespace Crisp.Images.Tests.Registry.Auth;

public sealed class RegistryCredentialsTests
{
    [Fact]
    public void EachFormOfAuthConfig_IsUnderstood()
    {
        Assert.Null(RegistryCredentials.From("", "", "", "", "", ""));
        Assert.Null(RegistryCredentials.From(null, "password", null, "registry.example", null, null));
        Assert.Equal(("u", "p"), Pair(RegistryCredentials.From("u", "p", "", "", "", "")));
        Assert.Equal(("u", "p:q"), Pair(RegistryCredentials.From("", "", Base64("u:p:q"), "", "", "")));
        Assert.Equal(("u", "p"), Pair(RegistryCredentials.From("", "", Base64("u:p\0\0"), "", "", "")));
        Assert.Equal("refresh", RegistryCredentials.From("<token>", "refresh", "", "", "", "")!.IdentityToken);
        Assert.Equal("refresh", RegistryCredentials.From("", "", "", "", "refresh", "")!.IdentityToken);
        Assert.Equal("bearer", RegistryCredentials.From("", "", "", "", "", "bearer")!.RegistryToken);
    }

    [Theory]
    [InlineData("https://index.docker.io/v1/", "index.docker.io")]
    [InlineData("registry.example:5000", "registry.example:5000")]
    [InlineData("http://[::1]:5000/x", "[::1]:5000")]
    [InlineData("", null)]
    public void ServerAddress_IsAHost(string address, string? server)
        => Assert.Equal(server, RegistryCredentials.From("u", "p", "", address, "", "")!.Server);

    [Theory]
    [InlineData("%%%", "")]
    [InlineData("bm9jb2xvbg==", "")]
    [InlineData("OnA=", "")]
    [InlineData("dTpw", "https://")]
    public void MalformedFields_AreRefusedWithoutTheSecret(string auth, string address)
    {
        var error = Assert.Throws<ImageException>(() => RegistryCredentials.From("", "", auth, address, "", ""));
        Assert.Equal(ImageError.Invalid, error.Kind);
        Assert.DoesNotContain(auth, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Secrets_AreInNoText()
    {
        var credentials = RegistryCredentials.From("user", "secret", "", "", "", "")!;
        Assert.DoesNotContain("secret", credentials.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", credentials.Fingerprint, StringComparison.Ordinal);
        Assert.NotEqual(credentials.Fingerprint, RegistryCredentials.From("user", "other", "", "", "", "")!.Fingerprint);
    }

    private static (string?, string?) Pair(RegistryCredentials? credentials) => (credentials!.Username, credentials.Password);

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
