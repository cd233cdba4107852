using System.Globalization;
using System.Text;

namespace Crisp.Network.Tests;

/// <summary>
/// Plugins that are shell scripts, in a directory of the test's own. Each writes a line "COMMAND TYPE" to a journal, and what
/// it was given to TYPE.COMMAND.env and TYPE.COMMAND.json, before it does what the test wants.
/// </summary>
internal sealed class FakePlugins : IDisposable
{
    /// <summary>A result with one address.</summary>
    internal const string Result =
        """{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/proc/1/ns/net"}],"ips":[{"address":"10.231.0.2/24","interface":0}]}""";

    private readonly TemporaryDirectory _directory = new();

    internal string Bin => Directory.CreateDirectory(_directory.File("bin")).FullName;

    internal string Conf => Directory.CreateDirectory(_directory.File("conf")).FullName;

    internal string Seen => Directory.CreateDirectory(_directory.File("seen")).FullName;

    internal string Cache => _directory.File("cache");

    /// <summary>Which plugins have run, in their order: "ADD first", "DEL first"…</summary>
    internal IReadOnlyList<string> Journal
        => File.Exists(Path.Combine(Seen, "journal")) ? File.ReadAllLines(Path.Combine(Seen, "journal")) : [];

    internal CniOptions Options => new()
    {
        ConfDirectory = Conf,
        BinDirectories = [Bin],
        CacheDirectory = Cache,
        PluginTimeout = TimeSpan.FromSeconds(20),
    };

    /// <param name="script">Shell; CNI_COMMAND says what to do. What it leaves to the end is success that prints nothing.</param>
    internal string Add(string type, string script)
    {
        var path = Path.Combine(Bin, type);
        File.WriteAllText(path, string.Create(CultureInfo.InvariantCulture, $"""
            #!/bin/sh
            seen="{Seen}"
            echo "$CNI_COMMAND {type}" >> "$seen/journal"
            env | sort > "$seen/{type}.$CNI_COMMAND.env"
            cat > "$seen/{type}.$CNI_COMMAND.json"
            {script}

            """));
        File.SetUnixFileMode(path, (UnixFileMode)0x1ED);
        return path;
    }

    /// <summary>A plugin that does its work and prints a result for ADD.</summary>
    internal string AddGood(string type, string result = Result)
        => Add(type, $"[ $CNI_COMMAND != ADD ] || cat <<'END'\n{result}\nEND");

    internal string Given(string type, string command) => File.ReadAllText(Path.Combine(Seen, $"{type}.{command}.json"));

    internal string[] Environment(string type, string command) => File.ReadAllLines(Path.Combine(Seen, $"{type}.{command}.env"));

    /// <summary>A network of these plugins.</summary>
    internal static NetworkConfigList Network(params string[] types) => NetworkIn("1.0.0", types);

    internal static NetworkConfigList NetworkIn(string version, params string[] types)
    {
        var plugins = string.Join(",", types.Select(t => $$"""{"type":"{{t}}"}"""));
        return Read($$"""{"cniVersion":"{{version}}","name":"crispt","plugins":[{{plugins}}]}""");
    }

    internal static NetworkConfigList Read(string json) => NetworkConfigReader.Read(Encoding.UTF8.GetBytes(json), "/etc/cni/net.d/10-test.conflist");

    internal static CniAttachment Attachment(string containerId = "pod1") => new()
    {
        ContainerId = containerId,
        Netns = "/proc/self/ns/net",
        Arguments = CniAttachment.KubernetesArguments("default", "web", "0b5f", containerId),
    };

    public void Dispose() => _directory.Dispose();
}
