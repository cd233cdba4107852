namespace Crisp.Network;

/// <summary>What an administrator can do about an error of a plugin.</summary>
internal static class CniAdvice
{
    // What the reference plugins say when something around them is missing, and what it takes.
    private static readonly (string Words, string Advice)[] _known =
    [
        ("no IP addresses available", "Every address of the subnet is leased: give the network a larger one, or remove the leases of pods that are gone."),
        ("failed to find plugin", "The configuration names a further plugin, such as the one under \"ipam\", that lies in none of the plugin directories: install it."),
        ("failed to locate iptables", "Install iptables."),
        ("\"iptables\": executable file not found", "Install iptables."),
        ("is already allocated", "An earlier pod still holds this address: stop it, or remove its lease."),
        ("address already in use", "Another pod or a program of the node uses this port."),
    ];

    /// <summary>A sentence, or empty where the plugin's own words must do.</summary>
    /// <param name="source">The configuration's file, for people.</param>
    public static string For(CniError error, string source)
    {
        var words = $"{error.Message} {error.Details}";
        foreach (var (known, advice) in _known)
        {
            if (words.Contains(known, StringComparison.OrdinalIgnoreCase))
            {
                return advice;
            }
        }

        return error.Code switch
        {
            CniError.IncompatibleVersion =>
                $"Set \"cniVersion\" in {source} to a version that the plugin speaks (CNI_COMMAND=VERSION shows them), or install a newer plugin.",
            CniError.UnsupportedField or CniError.InvalidConfiguration or CniError.DecodingFailure => $"Correct {source}.",
            CniError.InvalidEnvironment => "The plugin did not accept what a runtime hands it in the environment: is it a CNI plugin of this version?",
            CniError.IoFailure => "See to the file or the disk that it names.",
            CniError.TryAgainLater => "It asks to try again later.",
            CniError.NotAvailable or CniError.LimitedConnectivity => "Look at the logs of the network plugin's own pods.",
            _ => "",
        };
    }
}
