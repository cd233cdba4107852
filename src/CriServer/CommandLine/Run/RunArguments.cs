using System.Globalization;
using System.Net;
using Crisp.Cri.V1;
using Google.Protobuf;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>From what people type to CRI's messages. Each says what is wrong with an argument, and what one looks like.</summary>
internal static class RunArguments
{
    /// <param name="text">[IP:]HOSTPORT:PORT[/PROTOCOL]; an IPv6 address stands in brackets.</param>
    public static PortMapping Port(string text)
    {
        var slash = text.LastIndexOf('/');
        var protocol = (slash < 0 ? "tcp" : text[(slash + 1)..].ToLowerInvariant()) switch
        {
            "tcp" => Protocol.Tcp,
            "udp" => Protocol.Udp,
            "sctp" => Protocol.Sctp,
            _ => throw Wrong("-p", text, "the protocol is tcp, udp or sctp"),
        };
        var address = slash < 0 ? text : text[..slash];
        var colon = address.LastIndexOf(':');
        if (colon < 0)
        {
            throw Wrong("-p", text, "give HOSTPORT:PORT, for example 8080:80");
        }

        var host = address[..colon];
        var hostColon = host.LastIndexOf(':');
        var ip = hostColon < 0 ? "" : host[..hostColon].Trim('[', ']');
        if (ip.Length > 0 && !IPAddress.TryParse(ip, out _))
        {
            throw Wrong("-p", text, $"\"{ip}\" is no IP address");
        }

        return new PortMapping
        {
            Protocol = protocol,
            HostIp = ip,
            HostPort = PortNumber(host[(hostColon + 1)..], text),
            ContainerPort = PortNumber(address[(colon + 1)..], text),
        };
    }

    /// <param name="text">HOST:CONTAINER[:OPTION,...] with ro, rro (recursively), rw, noexec, nodev, nosuid, rshared, rslave.</param>
    public static Mount Volume(string text)
    {
        var parts = text.Split(':');
        if (parts.Length is not (2 or 3) || parts[0].Length == 0 || !parts[1].StartsWith('/'))
        {
            throw Wrong("-v", text, "give HOST:CONTAINER[:ro], for example ./data:/data:ro, the second an absolute path");
        }

        var mount = new Mount { HostPath = Path.GetFullPath(parts[0]), ContainerPath = parts[1] };
        foreach (var option in parts.Length == 3 ? parts[2].Split(',') : [])
        {
            switch (option)
            {
                case "rw":
                    break;
                case "ro":
                    mount.Readonly = true;
                    break;
                case "rro":
                    (mount.Readonly, mount.RecursiveReadOnly) = (true, true);
                    break;
                case "rshared":
                    mount.Propagation = MountPropagation.PropagationBidirectional;
                    break;
                case "rslave":
                    mount.Propagation = MountPropagation.PropagationHostToContainer;
                    break;
                case "noexec" or "nodev" or "nosuid":
                    mount.MountOptions.Add(option);
                    break;
                default:
                    throw Wrong("-v", text, $"\"{option}\" is none of rw, ro, rro, rshared, rslave, noexec, nodev, nosuid");
            }
        }

        return mount;
    }

    /// <param name="text">NAME=VALUE, or NAME: the caller's own value, which must exist.</param>
    public static KeyValue Variable(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? text : text[..equals];
        var value = equals < 0 ? Environment.GetEnvironmentVariable(name) : text[(equals + 1)..];
        return name.Length == 0 ? throw Wrong("-e", text, "give NAME=VALUE")
            : value is null ? throw Wrong("-e", text, $"this environment has no {name}; give NAME=VALUE")
            : new KeyValue { Key = name, Value = ByteString.CopyFromUtf8(value) };
    }

    /// <param name="text">NAME=VALUE.</param>
    public static (string Name, string Value) Label(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 ? (text[..equals], text[(equals + 1)..]) : throw Wrong("--label", text, "give NAME=VALUE");
    }

    /// <param name="text">Bytes with an optional suffix k, m or g (powers of 1024), in either case and with an optional b or ib.</param>
    public static long Bytes(string text)
    {
        var digits = text.AsSpan().TrimEnd("bBiI");
        var shift = digits.Length == 0 ? 0 : char.ToLowerInvariant(digits[^1]) switch
        {
            'k' => 10,
            'm' => 20,
            'g' => 30,
            't' => 40,
            _ => 0,
        };
        digits = shift == 0 ? digits : digits[..^1];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= long.MaxValue >> shift
            ? number << shift
            : throw Wrong("--memory", text, "give bytes with an optional k, m or g, for example 64m");
    }

    /// <param name="text">UID, UID:GID or NAME, as CRI has them apart.</param>
    public static void User(string text, LinuxContainerSecurityContext security)
    {
        var parts = text.Split(':');
        if (parts.Length > 2 || parts.Any(p => p.Length == 0))
        {
            throw Wrong("--user", text, "give UID, UID:GID or NAME");
        }

        if (long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var uid))
        {
            security.RunAsUser = new Int64Value { Value = uid };
        }
        else
        {
            security.RunAsUsername = parts[0];
        }

        if (parts.Length == 2)
        {
            security.RunAsGroup = long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var gid)
                ? new Int64Value { Value = gid }
                : throw Wrong("--user", text, "CRI takes a group by number only");
        }
    }

    private static int PortNumber(string text, string whole)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw Wrong("-p", whole, $"\"{text}\" is no port from 1 to 65535");

    private static CommandException Wrong(string option, string text, string why) => new($"{option} {text}: {why}.");
}
