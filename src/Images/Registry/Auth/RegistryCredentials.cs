using System.Security.Cryptography;
using System.Text;

namespace Crisp.Images;

/// <summary>What proves to a registry who asks. Never part of a message or a log line.</summary>
public sealed class RegistryCredentials
{
    // Docker's way to say that the password is an identity token (docker/cli, config/credentials).
    private const string TokenUser = "<token>";

    private RegistryCredentials()
    {
    }

    public string? Username { get; private init; }

    public string? Password { get; private init; }

    /// <summary>An OAuth2 refresh token, which the realm turns into a bearer token.</summary>
    public string? IdentityToken { get; private init; }

    /// <summary>A bearer token that goes to the registry as it is.</summary>
    public string? RegistryToken { get; private init; }

    /// <summary>Host with an optional port of the registry that these are for, or null for the image's own.</summary>
    public string? Server { get; private init; }

    /// <summary>Equal for equal credentials, and tells nothing about them.</summary>
    internal string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\0', Username, Password, IdentityToken, RegistryToken, Server))));

    /// <summary>From CRI's AuthConfig, whose fields are alternatives: user and password, their base64 form, or one of two tokens.</summary>
    /// <param name="auth">base64 of user:password.</param>
    /// <param name="serverAddress">A URL or a host.</param>
    /// <returns>Null when there is nothing in any of them.</returns>
    /// <exception cref="ImageException">auth or serverAddress is malformed.</exception>
    public static RegistryCredentials? From(
        string? username, string? password, string? auth, string? serverAddress, string? identityToken, string? registryToken)
    {
        var server = ServerOf(serverAddress);
        if (!string.IsNullOrEmpty(registryToken))
        {
            return new RegistryCredentials { RegistryToken = registryToken, Server = server };
        }

        if (!string.IsNullOrEmpty(identityToken))
        {
            return new RegistryCredentials { IdentityToken = identityToken, Username = NullIfEmpty(username), Server = server };
        }

        if (string.IsNullOrEmpty(username) && !string.IsNullOrEmpty(auth))
        {
            (username, password) = Decode(auth);
        }

        return username switch
        {
            null or "" => null,
            TokenUser => new RegistryCredentials { IdentityToken = password, Server = server },
            _ => new RegistryCredentials { Username = username, Password = password ?? "", Server = server },
        };
    }

    /// <summary>Keeps secrets out of whatever prints an object.</summary>
    public override string ToString() => "registry credentials";

    private static (string Username, string Password) Decode(string auth)
    {
        const string Problem = "The credentials' field auth is not the base64 form of user:password.";
        var bytes = new byte[auth.Length];
        if (!Convert.TryFromBase64String(auth.Trim(), bytes, out var length))
        {
            throw ImageException.Invalid(Problem);
        }

        // Docker pads with NUL (docker/cli, config/configfile).
        var text = Encoding.UTF8.GetString(bytes.AsSpan(0, length)).TrimEnd('\0');
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0 ? (text[..colon], text[(colon + 1)..]) : throw ImageException.Invalid(Problem);
    }

    private static string? ServerOf(string? address)
    {
        if (string.IsNullOrEmpty(address))
        {
            return null;
        }

        var full = address.Contains("://", StringComparison.Ordinal) ? address : $"https://{address}";
        return Uri.TryCreate(full, UriKind.Absolute, out var url) && url.Host.Length > 0
            ? url.Authority
            : throw ImageException.Invalid("The credentials' field server_address is neither a URL nor a host.");
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
