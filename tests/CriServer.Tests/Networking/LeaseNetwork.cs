namespace Crisp.CriServer.Tests.Networking;

/// <summary>
/// A CNI network of one plugin, a script that gives addresses away and remembers each in a file, as host-local does. It makes no
/// interface, so it is quick and needs nothing of the machine; what it has given away can be compared with the pods.
/// </summary>
internal sealed class LeaseNetwork : IDisposable
{
    private const string Plugin = "crispt-lease";
    private readonly TemporaryDirectory _directory = new();

    public LeaseNetwork()
    {
        foreach (var name in (string[])["conf", "bin", "leases"])
        {
            Directory.CreateDirectory(_directory.Combine(name));
        }

        Behave("");
        Configure();
        File.WriteAllText(ConfigFile, $"""
            [cni]
            conf_dir = "{_directory.Combine("conf")}"
            bin_dirs = ["{_directory.Combine("bin")}"]
            plugin_timeout = "10s"

            """);
    }

    /// <summary>A configuration of crisp that names the network's directories.</summary>
    public string ConfigFile => _directory.Combine("config.toml");

    /// <summary>The file of the network's configuration.</summary>
    public string NetworkFile => Path.Combine(_directory.Combine("conf"), "10-crispt.conflist");

    /// <summary>The ids of the pods that have an address.</summary>
    public IReadOnlyList<string> Leases => [.. Directory.GetFiles(_directory.Combine("leases")).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>What the plugin was given at the pod's ADD: its environment and its configuration.</summary>
    public string Given(string pod) => File.ReadAllText(Path.Combine(_directory.Combine("leases"), pod));

    /// <summary>The address that the plugin gives to a pod.</summary>
    public static string AddressOf(string pod) => $"10.233.{Convert.ToByte(pod[..2], 16)}.{Convert.ToByte(pod[2..4], 16)}";

    public void Configure(string version = "1.0.0", string further = "")
        => File.WriteAllText(NetworkFile, $$"""
            {"cniVersion":"{{version}}","name":"crispt","plugins":[{"type":"{{Plugin}}"{{further}}}]}
            """);

    /// <summary>Changes the plugin.</summary>
    /// <param name="first">Shell that runs before the plugin does its work.</param>
    public void Behave(string first)
    {
        var path = Path.Combine(_directory.Combine("bin"), Plugin);
        File.WriteAllText(path + ".new", $$"""
            #!/bin/sh
            lease="{{_directory.Combine("leases")}}/$CNI_CONTAINERID"
            {{first}}
            case $CNI_COMMAND in
            ADD)
                [ ! -e "$lease" ] || { echo '{"code":100,"msg":"added twice"}'; exit 1; }
                { env; cat; } > "$lease"
                id=$CNI_CONTAINERID
                a=$(printf %d "0x$(echo "$id" | cut -c1-2)") b=$(printf %d "0x$(echo "$id" | cut -c3-4)")
                echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"'$CNI_NETNS'"}],'
                echo '"ips":[{"address":"fd00:233::'$a:$b'/64","interface":0},{"address":"10.233.'$a.$b'/16","interface":0}]}'
                ;;
            DEL) rm -f "$lease" ;;
            esac

            """);
        File.SetUnixFileMode(path + ".new", (UnixFileMode)0x1ED);

        // A program that is being executed cannot be written to.
        File.Move(path + ".new", path, overwrite: true);
    }

    public void Dispose() => _directory.Dispose();
}
