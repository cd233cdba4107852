using System.Text.Json;
using System.Text.Json.Serialization;
using Crisp.Kvm.Boot;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Vm;

/// <summary>A virtual machine with a flat guest, as crisp describes it to the process that becomes it.</summary>
/// <param name="Image">The path of the flat image.</param>
/// <param name="LoadAddress">Null: 1 MiB.</param>
/// <param name="Stats">Whether reports are JSON, and one is written at the end.</param>
public sealed record FlatVmSpec(string Image, int Vcpus, long MemoryBytes, [property: JsonConverter(typeof(EnumNameConverter<EntryMode>))] EntryMode Entry, ulong? LoadAddress = null, bool Stats = false)
{
    /// <summary>The arguments that make crisp-sandbox this machine.</summary>
    public IReadOnlyList<string> ToArguments() => ["crisp-sandbox", VmProgram.Option, JsonSerializer.Serialize(this, VmSpecJson.Default.FlatVmSpec)];

    internal static FlatVmSpec Parse(string json) => JsonSerializer.Deserialize(json, VmSpecJson.Default.FlatVmSpec)
        ?? throw new JsonException("The specification of the virtual machine is null.");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(FlatVmSpec))]
[JsonSerializable(typeof(LinuxVmSpec))]
internal sealed partial class VmSpecJson : JsonSerializerContext;
