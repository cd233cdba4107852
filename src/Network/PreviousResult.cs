using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Crisp.Network;

/// <summary>A result in the form in which the next plugin expects it as prevResult.</summary>
internal static class PreviousResult
{
    /// <summary>
    /// The result unchanged, except for what versions demand: cniVersion is the one spoken, and before 1.0.0 every address
    /// says "4" or "6". So a chain works whose plugins answer in another version than they were asked in.
    /// </summary>
    public static JsonElement In(CniResult result, CniVersion version)
    {
        var root = JsonObject.Create(result.Json)!;
        root["cniVersion"] = version.ToString();
        if (root["ips"] is JsonArray ips)
        {
            foreach (var (index, ip) in ips.Index())
            {
                SetFamily(ip!.AsObject(), result.Ips[index].Address.Address.AddressFamily, version);
            }
        }

        return JsonElement.Parse(root.ToJsonString());
    }

    private static void SetFamily(JsonObject ip, AddressFamily family, CniVersion version)
    {
        if (version < CniVersion.V100)
        {
            ip["version"] = family == AddressFamily.InterNetwork ? "4" : "6";
        }
        else
        {
            ip.Remove("version");
        }
    }
}
