using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Crisp.Network;

/// <summary>An address with the length of its network's prefix, as 10.1.0.5/16.</summary>
public readonly record struct CniAddress(IPAddress Address, int PrefixLength)
{
    /// <summary>Reads the one spelling that Go's parser takes too: no octal, no shortened IPv4, no zone.</summary>
    public static bool TryParse(string? text, out CniAddress address)
    {
        address = default;
        if (text?.Split('/') is not [var ip, var prefix] || !TryParseAddress(ip, out var parsed))
        {
            return false;
        }

        var bits = parsed.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        if (!int.TryParse(prefix, NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length > bits)
        {
            return false;
        }

        address = new CniAddress(parsed, length);
        return true;
    }

    /// <summary>An address without a prefix.</summary>
    public static bool TryParseAddress(string? text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text is null || text.AsSpan().IndexOfAny("%[]") >= 0 || !IPAddress.TryParse(text, out var parsed))
        {
            return false;
        }

        // .NET reads "010.1" as C's inet_aton does, and would take a pod's address for another.
        if (parsed.AddressFamily == AddressFamily.InterNetwork && parsed.ToString() != text)
        {
            return false;
        }

        address = parsed;
        return true;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Address}/{PrefixLength}");
}
