using System.Text.RegularExpressions;
using Crisp.Kvm;

namespace Crisp.CriServer.Configuration;

/// <summary>The options of a section <c>[runtimes.NAME]</c>.</summary>
internal static partial class RuntimeOptions
{
    private const string Prefix = "runtimes.";
    private const long LeastMemory = 16L << 20;
    private const long MostMemory = 1L << 40;
    private const int LongestName = 63;

    /// <summary>The name in a section's name, or in an option's; null where it is about something else.</summary>
    public static string? NameIn(string key)
        => key.StartsWith(Prefix, StringComparison.Ordinal) && key[Prefix.Length..].Split('.')[0] is var name && IsName(name) ? name : null;

    public static IReadOnlyList<ConfigOption> For(string name) =>
    [
        new()
        {
            Section = Prefix + name,
            Key = "kind",
            Comment = "kvm: every pod is a virtual machine with a kernel of its own. namespaces: as pods without a handler.\n"
                + "The handler's name is the section's, and what a RuntimeClass has as its handler. There may be more of them.",
            Show = c => ConfigText.Quote(ConfigText.Word(Of(c, name).Kind)),
            Apply = (c, v) => With(c, name, r => r with { Kind = v.Word<RuntimeKind>() }),
        },
        new()
        {
            Section = Prefix + name,
            Key = "image_dir",
            Comment = "The guest image that the machines start, made by crisp vm build. Default: guest in the root directory.",
            IsSet = c => Of(c, name).ImageDirectory is not null,
            Show = c => ConfigText.Quote(Of(c, name).ImageDirectory ?? c.GuestImageDirectory),
            Apply = (c, v) => With(c, name, r => r with { ImageDirectory = v.AbsolutePath() }),
        },
        new()
        {
            Section = Prefix + name,
            Key = "vcpus",
            Comment = "Processors of a pod without a limit of processor time. One with a limit has as many as it needs to reach it.",
            Show = c => ConfigText.Number(Of(c, name).Vcpus),
            Apply = (c, v) => With(c, name, r => r with { Vcpus = v.Number(1, VirtualMachine.MostVcpus) }),
        },
        new()
        {
            Section = Prefix + name,
            Key = "memory",
            Comment = "Memory for the containers of a pod without a limit of memory. What they do not use, the node keeps.\n"
                + "Numbers with K, M or G, powers of 1024.",
            Show = c => ConfigText.Quote(ByteSize.Show(Of(c, name).Memory)),
            Apply = (c, v) => With(c, name, r => r with { Memory = v.Bytes(LeastMemory, MostMemory) }),
        },
        new()
        {
            Section = Prefix + name,
            Key = "overhead",
            Comment = "Memory that each machine has besides, for its kernel. The overhead.podFixed of a RuntimeClass should be\n"
                + "about 32 MiB more: the process that is the machine counts there too.",
            Show = c => ConfigText.Quote(ByteSize.Show(Of(c, name).Overhead)),
            Apply = (c, v) => With(c, name, r => r with { Overhead = v.Bytes(LeastMemory, MostMemory) }),
        },
        new()
        {
            Section = Prefix + name,
            Key = "block_devices",
            Comment = "Block devices of the node (volumeDevices) that a pod's containers can have at once: a machine cannot get\n"
                + "more of them while it runs. At most 8.",
            Show = c => ConfigText.Number(Of(c, name).BlockDevices),
            Apply = (c, v) => With(c, name, r => r with { BlockDevices = v.Number(0, LinuxGuest.MostDiskSlots) }),
        },
    ];

    /// <summary>What is wrong with the handlers as a whole, each with the section that it is about.</summary>
    public static IEnumerable<(string Section, string Text)> Problems(CrispConfig config) =>
        from runtime in config.Runtimes
        where runtime.Kind == RuntimeKind.Namespaces && runtime != new RuntimeConfig(runtime.Name) { Kind = RuntimeKind.Namespaces }
        select (Prefix + runtime.Name, $"[{Prefix}{runtime.Name}] is of kind namespaces, which has no other option.");

    // A label of DNS, as Kubernetes has it; "crisp" is the default handler.
    private static bool IsName(string name) => name.Length is > 0 and <= LongestName && name != "crisp" && Label().IsMatch(name);

    private static RuntimeConfig Of(CrispConfig config, string name) => config.Runtimes.FirstOrDefault(r => r.Name == name) ?? new RuntimeConfig(name);

    private static CrispConfig With(CrispConfig config, string name, Func<RuntimeConfig, RuntimeConfig> change) => config with
    {
        Runtimes = [.. config.Runtimes.Where(r => r.Name != name).Append(change(Of(config, name))).OrderBy(r => r.Name, StringComparer.Ordinal)],
    };

    [GeneratedRegex(@"\A[a-z0-9]([a-z0-9-]*[a-z0-9])?\z")]
    private static partial Regex Label();
}
