using System.Text.Json;

namespace Crisp.Network;

/// <summary>
/// The texts of a document of others: JSON can hold bytes that are no UTF-8 and halves of surrogate pairs, over which every
/// later use would stumble, so they are looked for once, where the document is read.
/// </summary>
internal static class JsonText
{
    /// <exception cref="InvalidOperationException">A text, or the name of a member, is not Unicode.</exception>
    public static void Check(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                value.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in value.EnumerateArray())
                {
                    Check(item);
                }

                break;
            case JsonValueKind.Object:
                foreach (var member in value.EnumerateObject())
                {
                    _ = member.Name;
                    Check(member.Value);
                }

                break;
            default:
                break;
        }
    }
}
