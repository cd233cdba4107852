using System.Text.Json;

namespace Crisp.Network;

/// <summary>JSON's kinds in words.</summary>
internal static class Words
{
    public static string For(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a text",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        _ => "null",
    };
}
