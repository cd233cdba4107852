using System.Globalization;
using System.Text.RegularExpressions;

namespace Crisp.CriServer.Networking;

/// <summary>Kubernetes' way to write numbers: 10M, 1.5Gi, 2e6 (k8s.io/apimachinery/pkg/api/resource).</summary>
internal static partial class Quantity
{
    private const string Decimal = "kMGTPE";
    private const string Binary = "KMGTPE";

    /// <param name="value">Whole, rounded up, as Kubernetes rounds.</param>
    public static bool TryParse(string text, out ulong value)
    {
        value = 0;
        if (Form().Match(text) is not { Success: true } match)
        {
            return false;
        }

        var factor = Factor(match.Groups["suffix"].Value);
        var number = match.Groups["number"].Value + match.Groups["exponent"].Value;
        if (!decimal.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var amount) || amount > ulong.MaxValue / factor)
        {
            return false;
        }

        value = (ulong)decimal.Ceiling(amount * factor);
        return true;
    }

    private static decimal Factor(string suffix) => suffix switch
    {
        "" => 1m,
        "m" => 0.001m,
        [var letter] => Power(1000m, Decimal.IndexOf(letter) + 1),
        _ => Power(1024m, Binary.IndexOf(suffix[0]) + 1),
    };

    private static decimal Power(decimal number, int exponent)
    {
        var result = 1m;
        for (; exponent > 0; exponent--)
        {
            result *= number;
        }

        return result;
    }

    [GeneratedRegex(@"^\+?(?<number>[0-9]{1,20}(\.[0-9]{0,9})?|\.[0-9]{1,9})((?<exponent>[eE][+-]?[0-9]{1,2})|(?<suffix>m|[kMGTPE]|[KMGTPE]i)?)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
