using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.GuestImages;

/// <summary>What a guest image is, as its manifest.json says. The same node makes the same one again: it has no time in it.</summary>
/// <param name="FormatVersion">Of this record.</param>
/// <param name="CrispVersion">Whose image it is.</param>
/// <param name="KernelRelease">As <c>uname -r</c> tells it in the guest.</param>
/// <param name="InitSha256">The program that the guest starts, before it was packed. Hexadecimal.</param>
/// <param name="Modules">The guest's paths, in the order in which they are loaded.</param>
public sealed record GuestImageManifest(
    int FormatVersion,
    string CrispVersion,
    string KernelRelease,
    GuestImageFile Kernel,
    GuestImageFile Initramfs,
    string InitSha256,
    IReadOnlyList<string> Modules)
{
    /// <summary>What this crisp writes and reads.</summary>
    public const int CurrentFormat = 1;

    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, GuestImageJson.Default.GuestImageManifest);

    /// <exception cref="JsonException">It is no manifest.</exception>
    internal static GuestImageManifest Parse(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize(json, GuestImageJson.Default.GuestImageManifest)
        ?? throw new JsonException("The manifest is null.");
}

/// <summary>A file of a guest image.</summary>
/// <param name="Name">In the image's directory.</param>
/// <param name="Sha256">Hexadecimal.</param>
public sealed record GuestImageFile(string Name, long Bytes, string Sha256);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(GuestImageManifest))]
internal sealed partial class GuestImageJson : JsonSerializerContext;
