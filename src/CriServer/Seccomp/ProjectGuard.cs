using Crisp.Linux;
using Crisp.Linux.Seccomp;

namespace Crisp.CriServer.Seccomp;

/// <summary>
/// Keeps a container's files in their project. Linux lets a file's owner give it to another project, unless he is in a user namespace,
/// and what belongs to no limited project is not limited (chattr -p 0, chattr -P).
/// </summary>
internal static class ProjectGuard
{
    private const string FileSetattr = "file_setattr";
    private const int RequestArgument = 1;

    // The kernel looks at half of the register.
    private const ulong RequestMask = uint.MaxValue;

    /// <summary>A filter of a container that has no other.</summary>
    public static SeccompPolicy Alone { get; } = AddTo(new SeccompPolicy
    {
        DefaultAnswer = SeccompAnswer.Allow,
        Architectures = [SeccompArchitecture.X86_64, SeccompArchitecture.X86, SeccompArchitecture.X32],
    });

    public static SeccompPolicy AddTo(SeccompPolicy policy)
    {
        // A rule that says what the default says is not there, and would not stand against one that allows.
        var eperm = SeccompAnswer.Errno((ushort)Errno.EPERM);
        var refusal = policy.DefaultAnswer == eperm ? SeccompAnswer.Errno((ushort)Errno.EACCES) : eperm;
        return policy with
        {
            Rules =
            [
                .. AllowsFileSetattr(policy) ? [new SeccompRule([FileSetattr], refusal, [])] : (IEnumerable<SeccompRule>)[],
                .. ProjectQuota.ChangingRequests.Select(r => new SeccompRule(["ioctl"], refusal, [Is(r, RequestMask)])),
                .. policy.Rules.SelectMany(LetMeet),
            ],
        };
    }

    // To name it for nothing would tell the compiler that the profile's author knew all older calls.
    private static bool AllowsFileSetattr(SeccompPolicy policy) => SeccompAnswer.IsPermissive(policy.DefaultAnswer)
        || policy.Rules.Any(r => SeccompAnswer.IsPermissive(r.Answer) && r.Names.Contains(FileSetattr));

    // A rule without conditions would hide those above. One whose condition always holds meets them, and the more restrictive one wins.
    private static IEnumerable<SeccompRule> LetMeet(SeccompRule rule)
    {
        if (rule.Conditions.Count > 0 || !rule.Names.Contains("ioctl"))
        {
            return [rule];
        }

        return [rule with { Names = [.. rule.Names.Where(n => n != "ioctl")] }, new SeccompRule(["ioctl"], rule.Answer, [Is(0, mask: 0)])];
    }

    private static SeccompCondition Is(ulong request, ulong mask) => new(RequestArgument, SeccompComparison.MaskedEqual, request, mask);
}
