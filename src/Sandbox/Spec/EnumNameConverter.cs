using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.Sandbox.Spec;

/// <summary>
/// An enumeration by the names of its members. The serializer's own converter of names knows naming policies, flags and numbers
/// besides, for 20 kB of code per enumeration in every pod's process.
/// </summary>
public sealed class EnumNameConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var name = reader.GetString();
        return Enum.TryParse<T>(name, out var value) && value.ToString() == name
            ? value
            : throw new JsonException($"\"{name}\" is none of {string.Join(", ", Enum.GetNames<T>())}.");
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
