using System.Globalization;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that give a process its attributes and execute its program: the same for a container and an exec.</summary>
/// <param name="procfs">The launcher's own procfs: what is written to cannot be another file (CVE-2019-19921, CVE-2025-52881).</param>
internal sealed class ProcessSteps(
    PlanBuilder builder, PlanDescriptor procfs, ProcessSpec process, ResolvedUser user, LaunchFacts facts)
{
    private const uint DefaultUmask = 0x12;
    private PlanDescriptor _root;
    private StepReference? _entered;

    /// <summary>Before any namespace is joined: to lower it takes the node's CAP_SYS_RESOURCE, and without that it stays what it is.</summary>
    internal void SetOomScore()
    {
        builder.Label("Set the OOM score");
        var file = builder.OpenAt2(procfs, "self/oom_score_adj", OpenFlags.WriteOnly, ResolveFlags.Beneath | ResolveFlags.NoMagicLinks);
        var value = (process.OomScoreAdj ?? 0).ToString(CultureInfo.InvariantCulture);
        builder.Write(file.As("oom_score_adj"), value).Accept(Errno.EACCES);
        builder.Close(file);
    }

    /// <summary>
    /// Before a user namespace is joined, where limits can be lowered only. So many open files as the plan itself needs are
    /// left; without the node's CAP_SYS_RESOURCE the limits themselves say later what is wrong.
    /// </summary>
    internal void RaiseLimits()
    {
        const ulong PlansFiles = 4096;
        foreach (var limit in process.Rlimits)
        {
            var number = Number(limit);
            var value = limit.Type == "RLIMIT_NOFILE" ? Math.Max(limit.Hard, PlansFiles) : limit.Hard;
            builder.Label($"Raise {limit.Type}").SetRlimit(number, value, value).Accept(Errno.EPERM);
        }
    }

    /// <summary>Leaves the keyrings and the session that it was born in.</summary>
    internal void Begin()
    {
        builder.Label("Leave the node's keyrings").JoinSessionKeyring().Accept(Errno.ENOSYS);
        builder.Label("Become the leader of a session").SetSid();
    }

    /// <summary>
    /// The working directory is found beneath the root and never through a magic link, so that it cannot be one of the node's
    /// that some descriptor leads to (CVE-2024-21626).
    /// </summary>
    internal void EnterDirectory(PlanDescriptor root)
    {
        builder.Label("Enter the working directory");
        _root = root;
        _entered = builder.Fchdir(OpenDirectory(root).Accept(Errno.EACCES)).Accept(Errno.EACCES).As("chdir by root");
    }

    /// <summary>As <see cref="EnterDirectory(PlanDescriptor)"/>, and makes it when it is missing.</summary>
    internal void EnterDirectory(PlanDescriptor root, RootTree tree)
    {
        builder.Label("Make the working directory");
        if (process.Cwd.AsSpan().ContainsAnyExcept('/', '.'))
        {
            tree.TryMakeDirectory(ImagePath.Normalize(process.Cwd, "The working directory"));
        }

        EnterDirectory(root);
    }

    /// <summary>From the security module's profile to execve. Limits are set when nothing more is to be opened.</summary>
    internal void Execute()
    {
        EnterProfile();
        foreach (var limit in process.Rlimits)
        {
            builder.Label($"Set {limit.Type}").SetRlimit(Number(limit), limit.Soft, limit.Hard);
        }

        var capabilities = new CapabilitySteps(builder, process.Capabilities, facts.LastCapability);
        capabilities.LimitBoundingSet();
        BecomeUser();
        builder.Label("Start clean");
        builder.SignalsDefault();
        builder.Umask(process.Umask ?? DefaultUmask);
        builder.CloseRange(3);
        if (process.NoNewPrivileges)
        {
            capabilities.Set();
            builder.Label("Gain no privileges").NoNewPrivileges();
            Filter();
        }
        else if (process.SeccompProgram is not null)
        {
            // Without no_new_privs a filter takes CAP_SYS_ADMIN.
            capabilities.SetWithAdministration();
            Filter();
            capabilities.Set();
        }
        else
        {
            capabilities.Set();
        }

        new ProgramSteps(builder, process, user.Home).Execute();
    }

    private void BecomeUser()
    {
        builder.Label("Become the user");
        builder.SetGroups(user.Groups);
        builder.SetResGid(user.Gid);
        if (user.Uid != 0)
        {
            builder.KeepCapabilities();
        }

        builder.SetResUid(user.Uid);
        if (_entered is { } entered)
        {
            builder.Fchdir(OpenDirectory(_root).Unless(entered));
        }
    }

    private StepReference OpenDirectory(PlanDescriptor root) => builder.OpenAt2(
        root, process.Cwd, OpenFlags.Path | OpenFlags.Directory, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks).As("working directory");

    private void EnterProfile()
    {
        if (process.ApparmorProfile is { } profile)
        {
            builder.Label($"Enter the AppArmor profile {profile}");
            WriteAttribute("self/attr/apparmor/exec", $"exec {profile}");
        }

        if (process.SelinuxLabel is { } label)
        {
            builder.Label($"Take the SELinux label {label}");
            WriteAttribute("self/attr/exec", label);
        }
    }

    private void WriteAttribute(string path, string value)
    {
        var file = builder.OpenAt2(procfs, path, OpenFlags.WriteOnly, ResolveFlags.Beneath | ResolveFlags.NoMagicLinks).As(path);
        builder.Write(file, value);
        builder.Close(file);
    }

    private void Filter()
    {
        if (process.SeccompProgram is { } program)
        {
            builder.Label("Filter system calls").Seccomp(program, process.SeccompFlags ?? 0);
        }
    }

    private static int Number(RlimitSpec limit)
    {
        var number = ResourceLimits.NumberOf(limit.Type);
        return number >= 0
            ? number
            : throw new SandboxException(RpcCode.InvalidArgument, $"{limit.Type} is no resource limit; getrlimit(2) names them.");
    }
}
