using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Crisp.Images.Registry.Hosts;

namespace Crisp.Images.Registry.Http;

/// <summary>Connections to one host, and to those that it sends us to.</summary>
internal static class RegistryHandlers
{
    /// <param name="withClientCertificates">False for other hosts: a client certificate is a credential too.</param>
    /// <exception cref="ImageException">A certificate's file cannot be used.</exception>
    internal static SocketsHttpHandler Create(RegistryHost host, RegistryOptions options, bool withClientCertificates)
    {
        var tls = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = Validation(host) };
        if (withClientCertificates && host.ClientPairs.Count > 0)
        {
            tls.ClientCertificates = [.. host.ClientPairs.Select(Load)];
        }

        return new SocketsHttpHandler
        {
            SslOptions = tls,
            ConnectTimeout = host.DialTimeout ?? options.DialTimeout,
            // Redirects are followed by hand: credentials must not travel with them.
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = !DefaultHost.IsLoopback(host.Url),
            // Nothing of our own calls is a stranger's business.
            ActivityHeadersPropagator = null,
            MaxResponseDrainSize = 64 * 1024,
        };
    }

    private static RemoteCertificateValidationCallback? Validation(RegistryHost host)
    {
        if (host.SkipVerify)
        {
#pragma warning disable CA5359 // The administrator says so (skip_verify), or it is this very machine.
            return static (_, _, _, _) => true;
#pragma warning restore CA5359
        }

        return host.Authorities.Count > 0 ? new Trust(Load(host.Authorities)).IsTrusted : null;
    }

    private static X509Certificate2Collection Load(IReadOnlyList<string> files)
    {
        var certificates = new X509Certificate2Collection();
        foreach (var file in files)
        {
            var found = Guarded(file, () =>
            {
                var content = new X509Certificate2Collection();
                content.ImportFromPemFile(file);
                return content;
            });
            certificates.AddRange(
                found.Count > 0 ? found : throw new ImageException(ImageError.Configuration, $"{file} has no certificate in PEM form."));
        }

        return certificates;
    }

    private static X509Certificate2 Load(ClientPair pair)
        => Guarded(pair.Certificate, () => X509Certificate2.CreateFromPemFile(pair.Certificate, pair.Key));

    private static T Guarded<T>(string file, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (Exception error) when (error is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageError.Configuration, $"The certificate {file} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>The system's authorities, and further ones.</summary>
    private sealed class Trust(X509Certificate2Collection authorities)
    {
        // id-kp-serverAuth, RFC 5280, 4.2.1.12.
        private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

        internal bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
        {
            if (errors == SslPolicyErrors.None)
            {
                return true;
            }

            // A wrong name stays wrong, whoever signed it.
            if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 leaf)
            {
                return false;
            }

            using var own = new X509Chain();
            own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            own.ChainPolicy.CustomTrustStore.AddRange(authorities);
            own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            own.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
            foreach (var element in chain?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
            {
                own.ChainPolicy.ExtraStore.Add(element.Certificate);
            }

            return own.Build(leaf);
        }
    }
}
