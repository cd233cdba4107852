using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>
/// Images for pods, as OCI archives: busybox from the node's own busybox-static with links for the usual commands, and what
/// a test adds to it.
/// </summary>
internal sealed class TestImage
{
    public const string Busybox = "localhost/crisp/busybox:1";
    public const string ManifestType = "application/vnd.oci.image.manifest.v1+json";

    private static readonly string[] _commands =
    [
        "sh", "ash", "cat", "chmod", "cut", "dd", "df", "echo", "env", "false", "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir",
        "mount", "nproc", "ps", "pwd", "readlink", "rm", "sed", "seq", "sleep", "sort", "stat", "sync", "tail", "test", "top", "touch", "tr",
        "true", "umount", "uname", "usleep", "wc", "yes", "[",
    ];

    private readonly List<byte[]> _layers = [];
    private readonly JsonObject _config = new() { ["Cmd"] = new JsonArray("sh") };

    public TestImage(string name, bool passwd = true)
    {
        Name = name;
        Layer(tar => WriteBusybox(tar, passwd));
    }

    public string Name { get; }

    /// <summary>Skips the test where the node has no static busybox.</summary>
    public static void RequireBusybox() => Assert.SkipUnless(File.Exists("/usr/bin/busybox"), "busybox-static is not installed.");

    public TestImage With(string key, JsonNode value)
    {
        _config[key] = value;
        return this;
    }

    public TestImage Layer(Action<TarWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var tar = new TarWriter(buffer, TarEntryFormat.Pax, leaveOpen: true))
        {
            write(tar);
        }

        _layers.Add(buffer.ToArray());
        return this;
    }

    /// <summary>The manifest, and what it names: config and layers.</summary>
    public (byte[] Manifest, IReadOnlyList<byte[]> Blobs) Documents()
    {
        var blobs = new List<byte[]>();
        JsonObject Add(string mediaType, byte[] content)
        {
            blobs.Add(content);
            return Descriptor(mediaType, content);
        }

        var layers = new JsonArray([.. _layers.Select(l => Add("application/vnd.oci.image.layer.v1.tar+gzip", Gzip(l)))]);
        var config = new JsonObject
        {
            ["architecture"] = "amd64",
            ["os"] = "linux",
            ["config"] = _config.DeepClone(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. _layers.Select(l => JsonValue.Create(Digest(l)))]) },
        };
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = ManifestType,
            ["config"] = Add("application/vnd.oci.image.config.v1+json", Bytes(config)),
            ["layers"] = layers,
        };
        return (Bytes(manifest), blobs);
    }

    /// <summary>Writes the archive.</summary>
    /// <returns>Its path.</returns>
    public string WriteTo(string directory)
    {
        var path = Path.Combine(directory, $"{Guid.NewGuid():N}.tar");
        using var file = File.Create(path);
        using var tar = new TarWriter(file, TarEntryFormat.Pax);
        var (manifest, blobs) = Documents();
        foreach (var blob in blobs.Append(manifest).DistinctBy(Digest))
        {
            Put(tar, "blobs/sha256/" + Digest(blob)[7..], blob);
        }

        var entry = Descriptor(ManifestType, manifest);
        entry["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = Name };
        Put(tar, "index.json", Bytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(entry) }));
        Put(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"u8.ToArray());
        return path;
    }

    public static void Put(TarWriter tar, string name, byte[] content, int mode = 0x1A4, int uid = 0, int gid = 0)
        => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(content),
            Mode = (UnixFileMode)mode,
            Uid = uid,
            Gid = gid,
        });

    public static void Put(TarWriter tar, string name, string content) => Put(tar, name, Encoding.UTF8.GetBytes(content));

    public static void Directory(TarWriter tar, string name, int mode = 0x1ED, int uid = 0, int gid = 0)
        => tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, name) { Mode = (UnixFileMode)mode, Uid = uid, Gid = gid });

    public static void Symlink(TarWriter tar, string name, string target)
        => tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = target });

    private static void WriteBusybox(TarWriter tar, bool passwd)
    {
        foreach (var name in (string[])["bin", "dev", "etc", "home", "proc", "root", "sys", "var"])
        {
            Directory(tar, name);
        }

        Directory(tar, "tmp", 0x3FF);
        Put(tar, "bin/busybox", File.ReadAllBytes("/usr/bin/busybox"), 0x1ED);
        foreach (var command in _commands)
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, $"bin/{command}") { LinkName = "bin/busybox", Mode = (UnixFileMode)0x1ED });
        }

        if (passwd)
        {
            Put(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:Alice:/home:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
            Put(tar, "etc/group", "root:x:0:\nalice:x:1000:\nstaff:x:50000:alice\nnobody:x:65534:\n");
        }
    }

    private static JsonObject Descriptor(string mediaType, byte[] content)
        => new() { ["mediaType"] = mediaType, ["digest"] = Digest(content), ["size"] = content.Length };

    public static string Digest(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    private static byte[] Bytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString());

    private static byte[] Gzip(byte[] content)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
        {
            gzip.Write(content);
        }

        return buffer.ToArray();
    }
}
