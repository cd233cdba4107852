using Crisp.Images.Registry.Auth;
using Crisp.Images.Registry.Hosts;

namespace Crisp.Images.Registry;

/// <summary>Talks to registries. One for the daemon: it keeps the bearer tokens.</summary>
internal sealed class RegistryClient(TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly TokenCache _tokens = new(time ?? TimeProvider.System);

    /// <summary>Prepares to pull one image; reads the node's files about its registry. Nothing is sent yet.</summary>
    /// <exception cref="ImageException">One of these files is wrong.</exception>
    internal RegistrySession Open(ImageReference reference, RegistryCredentials? credentials, RegistryOptions options)
        => new(reference, HostsDirectories.Find(options.HostDirectories, reference.Registry), credentials, _tokens, options, _time);
}
