using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Crisp.Images.Tests.Pull;

/// <summary>A real registry (distribution, Debian's docker-registry) on a loopback port, with storage of its own.</summary>
internal sealed class DockerRegistry : IAsyncDisposable
{
    public const string User = "crisp";
    public const string Password = "pass:word";

    // htpasswd -nbB -C 4 crisp pass:word
    private const string PasswordFile = "crisp:$2y$04$SydGqmxc3BD0Vv4PgNnF4udgvqA6P1ffcA540HoS9wZIMozJJ7U7.\n";
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private readonly TemporaryDirectory _directory;
    private readonly Process _process;

    private DockerRegistry(TemporaryDirectory directory, Process process, string name)
    {
        _directory = directory;
        _process = process;
        Name = name;
    }

    /// <summary>127.0.0.1:port.</summary>
    public string Name { get; }

    /// <summary>Files of the test's own, removed with the registry's.</summary>
    public string Scratch => _directory.MakeDirectory("scratch");

    /// <summary>Where the program is: in the path, or where test.sh unpacked it.</summary>
    public static string? Program { get; } = Find();

    public static void Required() => Assert.SkipWhen(Program is null, "docker-registry is not installed.");

    /// <param name="certificate">PEM files of a certificate and its key, or null for plain HTTP.</param>
    public static async Task<DockerRegistry> StartAsync(bool wantsPassword = false, (string Certificate, string Key)? certificate = null)
    {
        Required();
        var directory = new TemporaryDirectory();
        var name = $"127.0.0.1:{FreePort()}";
        await File.WriteAllTextAsync(directory.File("htpasswd"), PasswordFile);
        var auth = wantsPassword ? $"auth:\n  htpasswd:\n    realm: a registry\n    path: {directory.File("htpasswd")}\n" : "";
        var tls = certificate is { } files ? $"  tls:\n    certificate: {files.Certificate}\n    key: {files.Key}\n" : "";
        var config = directory.File("config.yml");
        await File.WriteAllTextAsync(
            config,
            $"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {directory.File("data")}\n{auth}http:\n  addr: {name}\n{tls}");
        var process = Process.Start(new ProcessStartInfo(Program!, ["serve", config])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        _ = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        var registry = new DockerRegistry(directory, process, name);
        await registry.WaitAsync();
        return registry;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Dispose();
    }

    private static string? Find()
    {
        var cache = Environment.GetEnvironmentVariable("CRISP_CACHE") ?? "/var/cache/crisp-tests";
        return Environment.GetEnvironmentVariable("PATH")!.Split(':').Append($"{cache}/docker-registry/usr/bin")
            .Select(d => Path.Combine(d, "docker-registry")).FirstOrDefault(File.Exists);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task WaitAsync()
    {
        var deadline = DateTime.UtcNow + _patience;
        while (true)
        {
            Assert.False(_process.HasExited, "docker-registry ended.");
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPEndPoint.Parse(Name));
                return;
            }
            catch (SocketException) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(20);
            }
        }
    }
}
