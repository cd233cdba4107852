using Crisp.CriServer.Configuration;
using CsCheck;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Crisp.CriServer.Tests.Configuration;

public sealed class ConfigFileTests
{
    private const string File = "/etc/crisp/config.toml";

    private static readonly string[] _tokens =
    [
        "root", "log", "level", "cni", "bin_dirs", "=", "=", ".", "[", "]", "{", "}", "\n", "\n", "\"", "'", "\"/a\"", "\"10s\"", "1", "true", "#", ",", " ",
    ];

    [Fact]
    public void EveryOption_IsRead()
    {
        var config = ConfigFile.Parse(
            """
            root = "/srv/crisp"
            run = '/run/other'
            socket = "/run/cri.sock"
            sandbox_binary = "/opt/crisp-sandbox"
            shutdown_timeout = "1m30s"
            [log]
            level = "debug"
            format = "json"
            [images]
            pinned = ["a.example/x:1", "b.example/y:2"]
            [cni]
            conf_dir = "/srv/cni"
            bin_dirs = ["/srv/bin"]
            cache_dir = "/srv/cache"
            plugin_timeout = "2m"
            [metrics]
            address = "[::1]:9741"
            """,
            File);
        Assert.Equal(("/srv/cache", TimeSpan.FromMinutes(2)), (config.CniCacheDirectoryPath, config.CniPluginTimeout));
        Assert.Equal(
            ("/srv/crisp", "/run/other", "/run/cri.sock", "/opt/crisp-sandbox", TimeSpan.FromSeconds(90), LogLevel.Debug, LogFormat.Json, "/srv/cni"),
            (config.Root, config.Run, config.SocketPath, config.SandboxBinaryPath, config.ShutdownTimeout, config.LogLevel, config.LogFormat, config.CniConfDirectory));
        Assert.Equal(["a.example/x:1", "b.example/y:2"], config.PinnedImages);
        Assert.Equal(["/srv/bin"], config.CniBinDirectories);
        Assert.Equal("[::1]:9741", config.MetricsAddress);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost:9741")]
    [InlineData(":9741")]
    [InlineData("127.0.0.1:0")]
    [InlineData("127.0.0.1:99999")]
    public void MetricsAddress_IsAnAddressWithAPort(string address)
        => Assert.Contains("metrics.address must be", Assert.Single(Problems($"metrics.address = \"{address}\"")), StringComparison.Ordinal);

    [Fact]
    public void EmptyFile_MeansTheDefaults() => Assert.Equal(ConfigText.Write(new CrispConfig()), ConfigText.Write(ConfigFile.Parse("", File)));

    [Theory]
    [InlineData("log.level = \"debug\"")]
    [InlineData("log = { level = \"debug\" }")]
    [InlineData("[log]\nlevel = \"debug\"")]
    [InlineData("[\"log\"]\n\"level\" = 'debug' # why")]
    public void Key_MayBeWrittenInEveryWayOfToml(string text) => Assert.Equal(LogLevel.Debug, ConfigFile.Parse(text, File).LogLevel);

    [Fact]
    public void AllProblems_AreSaidAtOnceWithTheirLines()
    {
        var problems = Problems(
            """
            rot = "/srv/crisp"
            run = "relative"
            shutdown_timeout = 10
            [log]
            level = "warn"
            [imags]
            pinned = 1
            [cni]
            bin_dirs = ["/a", 2]
            """);
        Assert.Equal(
            [
                $"{File}:1: There is no option \"rot\". Did you mean \"root\"?",
                $"{File}:2: run must be an absolute path; it is \"relative\".",
                $"{File}:3: shutdown_timeout must be a time such as \"10s\"; it is 10.",
                $"{File}:5: log.level must be one of trace, debug, information, warning, error, critical, none; it is \"warn\". Did you mean \"warning\"?",
                $"{File}:6: There is no section [imags]. Did you mean [images]?",
                $"{File}:9: cni.bin_dirs must be a text in quotes; it is 2.",
            ],
            problems);
    }

    [Theory]
    [InlineData("[log]\nlevle = \"debug\"", "\"log.level\"")]
    [InlineData("level = \"debug\"", "\"log.level\"")]
    [InlineData("[cni]\nbin_dir = []", "\"cni.bin_dirs\"")]
    [InlineData("[log]\npinned = []", "\"images.pinned\"")]
    [InlineData("log = \"debug\"", "\"log.level\"")]
    [InlineData("[[log]]", "[log]")]
    public void UnknownKey_NamesTheNearest(string text, string nearest) => Assert.Contains(nearest, Assert.Single(Problems(text)), StringComparison.Ordinal);

    [Fact]
    public void RuntimeHandlers_AreSectionsOfTheirOwnNames()
    {
        var config = ConfigFile.Parse(
            """
            [runtimes.big]
            kind = "kvm"
            memory = "2g"
            [runtimes.plain]
            kind = "namespaces"
            [runtimes.kvm]
            vcpus = 2
            """,
            File);

        Assert.Equal(
            [new RuntimeConfig("big") { Memory = 2L << 30 }, new RuntimeConfig("kvm") { Vcpus = 2 }, new RuntimeConfig("plain") { Kind = RuntimeKind.Namespaces }],
            config.Runtimes);
    }

    [Theory]
    [InlineData("[runtimes.kvm]\nvcpu = 1", "There is no option \"runtimes.kvm.vcpu\". Did you mean \"runtimes.kvm.vcpus\"?")]
    [InlineData("[runtimes.other]\nmem = 1", "Did you mean \"runtimes.other.memory\"?")]
    [InlineData("[runtime.kvm]\nvcpus = 1", "There is no section [runtime.kvm]. Did you mean [runtimes.kvm]?")]
    [InlineData("[runtimes.Big]\nkind = \"kvm\"", "There is no section [runtimes.Big]. Did you mean [runtimes.kvm]?")]
    [InlineData("[runtimes.crisp]\nkind = \"kvm\"", "There is no section [runtimes.crisp].")]
    [InlineData("[runtimes.kvm]", "[runtimes.kvm] says nothing of its runtime handler.")]
    [InlineData("[runtimes.kvm]\nvcpus = 0", "runtimes.kvm.vcpus must be a number from 1 to 254")]
    [InlineData("[runtimes.kvm]\nmemory = \"1M\"", "runtimes.kvm.memory must be a size from \"16M\" to \"1024G\"; it is \"1M\".")]
    [InlineData("[runtimes.kvm]\noverhead = \"999999999999999999G\"", "runtimes.kvm.overhead must be a size")]
    [InlineData("[runtimes.kvm]\nmemory = 512", "runtimes.kvm.memory must be a size")]
    [InlineData("[runtimes.kvm]\nkind = \"qemu\"", "runtimes.kvm.kind must be one of namespaces, kvm")]
    [InlineData("[runtimes.plain]\nkind = \"namespaces\"\nvcpus = 2", "[runtimes.plain] is of kind namespaces, which has no other option.")]
    public void WrongRuntimeHandler_SaysWhatIsWrong(string text, string sentence)
        => Assert.Contains(sentence, Assert.Single(Problems(text)), StringComparison.Ordinal);

    [Fact]
    public void KeyThatStandsTwice_IsRefused() => Assert.NotEmpty(Problems("root = \"/a\"\nroot = \"/b\""));

    [Fact]
    public void WrongToml_IsRefusedWithItsLine() => Assert.Contains($"{File}:2: ", string.Join('\n', Problems("root = \"/a\"\nrun = ")), StringComparison.Ordinal);

    [Fact]
    public void BackslashBeforeHalfACharacter_IsRefused() => Assert.NotEmpty(Problems("\"a\\\ud83d\""));

    [Fact]
    public void AnyText_IsReadOrRefused() => Gen.OneOf(Gen.String, Gen.Int[0, _tokens.Length - 1].Array.Select(Text)).Sample(text =>
    {
        try
        {
            ConfigFile.Parse(text, File);
        }
        catch (ConfigException e)
        {
            Assert.NotEmpty(e.Problems);
        }
    });

    [Fact]
    public void MissingFile_IsAnErrorOnlyWhenNamed()
    {
        Assert.Contains("/no/such/file", Assert.Throws<ConfigException>(() => ConfigFile.Load("/no/such/file")).Message, StringComparison.Ordinal);
        Assert.SkipWhen(System.IO.File.Exists(ConfigFile.DefaultPath), $"This machine has {ConfigFile.DefaultPath}.");
        Assert.Equal(new CrispConfig().Root, ConfigFile.Load(null).Root);
    }

    private static IReadOnlyList<string> Problems(string text) => Assert.Throws<ConfigException>(() => ConfigFile.Parse(text, File)).Problems;

    private static string Text(int[] tokens) => string.Concat(tokens.Select(t => _tokens[t]));
}
