using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.AppArmor;

/// <summary>AppArmor profiles of this node (apparmor(7)).</summary>
/// <param name="listPath">The kernel's list of loaded profiles.</param>
/// <param name="load">Loads a profile's text; the result says what went wrong, or is null.</param>
public sealed class AppArmorProfiles(string listPath, Func<string, string?> load)
{
    private readonly Lock _loading = new();

    /// <summary>Those of the kernel that runs.</summary>
    public static AppArmorProfiles Kernel { get; } = new("/sys/kernel/security/apparmor/profiles", ProfileParser.Load);

    /// <summary>Makes sure that RuntimeDefault is loaded.</summary>
    /// <returns>Its name.</returns>
    public string Default()
    {
        lock (_loading)
        {
            if (IsLoaded(DefaultProfile.Name) != true && load(DefaultProfile.Text) is { } failure)
            {
                throw CriException.Precondition(
                    $"The AppArmor profile RuntimeDefault cannot be loaded: {failure} Install apparmor (Debian: apt install apparmor), or use Unconfined.");
            }
        }

        return DefaultProfile.Name;
    }

    /// <param name="reference">As CRI's localhost_ref: a profile's name; "localhost/" before it is the older form.</param>
    /// <returns>The name of a loaded profile.</returns>
    public string Localhost(string reference)
    {
        const string Prefix = "localhost/";
        var name = reference.StartsWith(Prefix, StringComparison.Ordinal) ? reference[Prefix.Length..] : reference;
        if (name.Length == 0 || name.AsSpan().ContainsAny('\0', '\n'))
        {
            throw CriException.Invalid("The AppArmor profile is Localhost, but localhost_ref names none.");
        }

        return IsLoaded(name) == false
            ? throw new CriException(
                StatusCode.FailedPrecondition, $"The AppArmor profile {name} is not loaded on this node. Load it: apparmor_parser -r FILE.")
            : name;
    }

    // A line is "NAME (MODE)", and a name may have spaces. Null: securityfs is not mounted; then the kernel says it at execve.
    private bool? IsLoaded(string name)
    {
        try
        {
            return File.ReadLines(listPath).Any(line => line.LastIndexOf(" (", StringComparison.Ordinal) is var mode and > 0 && line[..mode] == name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
