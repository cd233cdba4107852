using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using ProfileType = Crisp.Cri.V1.SecurityProfile.Types.ProfileType;

namespace Crisp.CriServer.Containers;

/// <summary>CRI's two forms of a seccomp or AppArmor profile.</summary>
internal static class SecurityProfiles
{
    /// <param name="profile">Comes first where it is set.</param>
    /// <param name="deprecated">"", "unconfined", "runtime/default" or "localhost/NAME".</param>
    /// <returns>Null: nobody said anything.</returns>
    public static SecurityProfile? Choose(SecurityProfile? profile, string deprecated, string field) => profile ?? deprecated switch
    {
        "" => null,
        "unconfined" => new SecurityProfile { ProfileType = ProfileType.Unconfined },
        "runtime/default" or "docker/default" => new SecurityProfile { ProfileType = ProfileType.RuntimeDefault },
        _ when deprecated.StartsWith("localhost/", StringComparison.Ordinal) =>
            new SecurityProfile { ProfileType = ProfileType.Localhost, LocalhostRef = deprecated },
        _ => throw CriException.Invalid($"{field} is \"{deprecated}\"; it can be unconfined, runtime/default or localhost/ and a profile."),
    };
}
