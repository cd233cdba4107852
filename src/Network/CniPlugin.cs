using System.Collections;
using Crisp.Linux;

namespace Crisp.Network;

/// <summary>One plugin's program, found, and its execution.</summary>
public sealed class CniPlugin
{
    private const uint AnyExecute = 0x49; // 0111
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private readonly IReadOnlyList<string> _directories;

    private CniPlugin(string type, string path, IReadOnlyList<string> directories)
    {
        Type = type;
        Path = path;
        _directories = directories;
    }

    public string Type { get; }

    /// <summary>The program's absolute path.</summary>
    public string Path { get; }

    /// <exception cref="CniException">No directory has an executable file of this name.</exception>
    public static CniPlugin Find(string type, IReadOnlyList<string> directories)
    {
        if (!CniName.IsPluginType(type))
        {
            throw new CniException($"\"{PrintableText.From(type)}\" is no name of a CNI plugin.");
        }

        return directories.Select(d => System.IO.Path.Combine(d, type)).FirstOrDefault(IsProgram) is { } path
            ? new CniPlugin(type, path, directories)
            : throw Missing(type, directories);
    }

    /// <summary>Runs the program until it ends, on the calling thread.</summary>
    /// <param name="command">ADD, DEL, CHECK, STATUS, GC or VERSION.</param>
    /// <param name="configuration">What it reads from its standard input.</param>
    /// <param name="attachment">Null for commands that concern no pod.</param>
    /// <param name="held">Inherited by the program and all that it starts: shows later which processes are its remains.</param>
    /// <exception cref="CniException">It could not be started, took too long, or printed too much.</exception>
    internal PluginOutput Run(
        string command, ReadOnlySpan<byte> configuration, CniAttachment? attachment, FileDescriptor? held, TimeSpan timeout)
    {
        using var input = Memfd.Create("cni-config");
        Files.WriteAll(input, configuration);
        Files.Seek(input, 0);
        using var process = PluginProcess.Start(this, Environment(command, attachment), input, held);
        return process.Run(timeout);
    }

    public override string ToString() => Path;

    private static CniException Missing(string type, IReadOnlyList<string> directories)
    {
        var where = string.Join(" or ", directories);
        return new CniException(
            $"The CNI plugin {type} is not installed: there is no executable file {type} in {where}. Install it, or name its directory in the configuration.")
        {
            NeverRan = true,
        };
    }

    // A directory or a file that nobody may execute is passed over, as a shell does.
    private static bool IsProgram(string path)
    {
        try
        {
            using var file = Files.Open(path, OpenFlags.Path);
            var status = Files.Status(file);
            return status.Type == FileType.Regular && (status.Permissions & AnyExecute) != 0;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    private List<string> Environment(string command, CniAttachment? attachment)
    {
        var variables = Inherited();
        variables.Add($"CNI_COMMAND={command}");
        variables.Add($"CNI_PATH={string.Join(':', _directories)}");
        if (attachment is not null)
        {
            variables.Add($"CNI_CONTAINERID={attachment.ContainerId}");
            variables.Add($"CNI_NETNS={attachment.Netns}");
            variables.Add($"CNI_IFNAME={attachment.InterfaceName}");
            variables.Add($"CNI_ARGS={string.Join(';', attachment.Arguments.Select(a => $"{a.Key}={a.Value}"))}");
        }

        return variables;
    }

    // Plugins get what the administrator gave the daemon, such as a proxy, but nothing that is meant for the daemon itself.
    private static List<string> Inherited()
    {
        string[] own = ["CNI_", "CRISP_", "DOTNET_", "LISTEN_", "WATCHDOG_", "NOTIFY_SOCKET", "JOURNAL_STREAM", "INVOCATION_ID", "PATH="];
        var path = System.Environment.GetEnvironmentVariable("PATH");
        return
        [
            .. System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => $"{v.Key}={v.Value}")
                .Where(v => !own.Any(o => v.StartsWith(o, StringComparison.Ordinal)) && !v.Contains('\0', StringComparison.Ordinal)),
            $"PATH={(string.IsNullOrEmpty(path) ? DefaultPath : path)}",
        ];
    }
}
