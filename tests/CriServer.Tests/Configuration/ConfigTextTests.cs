using System.Reflection;
using Crisp.Cgroups;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Tests.Daemon;
using CsCheck;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Crisp.CriServer.Tests.Configuration;

public sealed class ConfigTextTests
{
    private const string File = "config.toml";

    internal static CrispConfig Other { get; } = new()
    {
        Root = "/srv/\"crisp\"",
        Run = "/run/o\\ther\n",
        Socket = "/run/cri.sock",
        SandboxBinary = "/opt/crisp-sandbox",
        CgroupDriver = CgroupDriver.Systemd,
        CgroupParentPath = "system.slice/other",
        LogLevel = LogLevel.Trace,
        LogFormat = LogFormat.Json,
        PinnedImages = ["a.example/x:1", "b.example/y:2"],
        WritableLayerSize = 7L << 20,
        RegistryHostDirectories = ["/srv/certs.d"],
        ParallelDownloads = 64,
        CdiSpecDirectories = ["/srv/cdi"],
        PullProgressTimeout = TimeSpan.FromSeconds(7),
        CniConfDirectory = "/srv/cni",
        CniBinDirectories = ["/srv/bin"],
        CniCacheDirectory = "/srv/cache",
        CniPluginTimeout = TimeSpan.FromSeconds(7),
        StreamingAddress = "10.0.0.1:10010",
        StreamingIdleTimeout = TimeSpan.FromMinutes(7),
        Criu = "/opt/criu",
        MetricsAddress = "10.0.0.1:9100",
        Runtimes =
        [
            new RuntimeConfig("kvm") { ImageDirectory = "/srv/guest", Vcpus = 7, Memory = 1L << 30, Overhead = (200L << 20) + 4096, BlockDevices = 8 },
            new RuntimeConfig("plain") { Kind = RuntimeKind.Namespaces },
        ],
        ShutdownTimeout = TimeSpan.FromMilliseconds(90_061),
    };

    [Fact]
    public async Task DefaultFile_AsPrintedMeansTheDefaults()
    {
        var (code, text, _) = await CrispProcess.RunAsync("config", "default");
        Assert.Equal(0, code);
        AssertSame(new CrispConfig(), ConfigFile.Parse(text, File));
    }

    [Fact]
    public void DefaultFile_HasEveryOptionWithAnExplanation()
    {
        var lines = ConfigText.Write(new CrispConfig()).Split('\n');
        Assert.All(ConfigOptions.Of(new CrispConfig()), option =>
        {
            var line = Array.FindIndex(lines, l => l.TrimStart('#', ' ').StartsWith($"{option.Key} = ", StringComparison.Ordinal));
            Assert.True(line > 0, option.Name);
            Assert.StartsWith("# ", lines[line - 1], StringComparison.Ordinal);
        });
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 110));
    }

    [Fact]
    public void DefaultFile_WithItsCommentedOptionsMeansWhatTheySay()
    {
        var text = ConfigText.Write(new CrispConfig());
        foreach (var option in ConfigOptions.Of(new CrispConfig()))
        {
            text = text.Replace($"# {option.Key} = ", $"{option.Key} = ", StringComparison.Ordinal);
        }

        var config = ConfigFile.Parse(text, File);
        Assert.Equal((new CrispConfig().SocketPath, new CrispConfig().SandboxBinaryPath), (config.Socket, config.SandboxBinary));
    }

    [Fact]
    public void EveryProperty_HasAnOption()
    {
        var read = ConfigFile.Parse(ConfigText.Write(Other), File);
        AssertSame(Other, read);
        Assert.All(Settable, property => Assert.False(Same(property, new CrispConfig(), Other), $"{property.Name} is not in this test."));
    }

    [Fact]
    public void AnyPath_IsWrittenAsItIsRead() =>
        Gen.String.Where(s => !s.Contains('\0') && !s.Any(char.IsSurrogate)).Sample(name =>
            Assert.Equal("/" + name, ConfigFile.Parse(ConfigText.Write(new CrispConfig { Root = "/" + name }), File).Root));

    private static IEnumerable<PropertyInfo> Settable => typeof(CrispConfig).GetProperties().Where(p => p.CanWrite);

    private static void AssertSame(CrispConfig expected, CrispConfig actual) =>
        Assert.All(Settable, property => Assert.True(Same(property, expected, actual), $"{property.Name}: {property.GetValue(actual)}"));

    private static bool Same(PropertyInfo property, CrispConfig left, CrispConfig right) => (property.GetValue(left), property.GetValue(right)) switch
    {
        (IEnumerable<string> a, IEnumerable<string> b) => a.SequenceEqual(b),
        (IEnumerable<RuntimeConfig> a, IEnumerable<RuntimeConfig> b) => a.SequenceEqual(b),
        var (a, b) => Equals(a, b),
    };
}
