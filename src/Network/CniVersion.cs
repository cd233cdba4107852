using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Crisp.Network;

/// <summary>A version of the CNI specification, not of a plugin.</summary>
public readonly record struct CniVersion(int Major, int Minor, int Patch) : IComparable<CniVersion>
{
    /// <summary>The first with plugin chains and results as they still are.</summary>
    public static readonly CniVersion V030 = new(0, 3, 0);

    /// <summary>Brought CHECK, and prevResult for DEL.</summary>
    public static readonly CniVersion V040 = new(0, 4, 0);

    /// <summary>Took the member "version" from addresses.</summary>
    public static readonly CniVersion V100 = new(1, 0, 0);

    /// <summary>Brought STATUS and GC.</summary>
    public static readonly CniVersion V110 = new(1, 1, 0);

    /// <summary>What this client speaks, the newest last.</summary>
    public static readonly IReadOnlyList<CniVersion> Known = [V030, new(0, 3, 1), V040, V100, V110];

    public static bool operator <(CniVersion left, CniVersion right) => left.CompareTo(right) < 0;

    public static bool operator >(CniVersion left, CniVersion right) => left.CompareTo(right) > 0;

    public static bool operator <=(CniVersion left, CniVersion right) => left.CompareTo(right) <= 0;

    public static bool operator >=(CniVersion left, CniVersion right) => left.CompareTo(right) >= 0;

    /// <summary>Three numbers with dots; nothing else that Semantic Versioning knows has ever been a CNI version.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out CniVersion version)
    {
        version = default;
        if (text?.Split('.') is not [var first, var second, var third])
        {
            return false;
        }

        if (!TryParseNumber(first, out var major) || !TryParseNumber(second, out var minor) || !TryParseNumber(third, out var patch))
        {
            return false;
        }

        version = new CniVersion(major, minor, patch);
        return true;
    }

    public int CompareTo(CniVersion other) => (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}.{Patch}");

    private static bool TryParseNumber(string text, out int number)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
