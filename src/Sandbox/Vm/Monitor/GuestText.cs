using System.Text;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Words of a guest's. They end in errors, records and terminals of the node.</summary>
internal static class GuestText
{
    private const int MostCharacters = 1024;

    /// <summary>One line of bounded length without control characters.</summary>
    public static string Clean(string text)
    {
        var cleaned = new StringBuilder(Math.Min(text.Length, MostCharacters));
        foreach (var c in text)
        {
            if (cleaned.Length == MostCharacters)
            {
                return cleaned.Append('…').ToString();
            }

            // Format characters too: they turn the direction of what follows, and hide it.
            cleaned.Append(char.IsControl(c) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.Format ? ' ' : c);
        }

        return cleaned.ToString();
    }
}
