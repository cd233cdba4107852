using System.Globalization;
using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Images;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

public static partial class ContainerSpecBuilder
{
    private const string DefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    private static readonly UTF8Encoding _strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static ProcessSpec Process(ContainerSpecInput input)
    {
        var config = input.Config;
        if (config.StdinOnce && !config.Stdin)
        {
            throw CriException.Invalid("stdin_once without stdin: there is no standard input that could be closed.");
        }

        var capabilities = Capabilities(input);
        var seccomp = Seccomp(input, capabilities);
        return new ProcessSpec
        {
            Args = Arguments(input),
            Env = Environment(input),
            Cwd = WorkingDirectory(input),
            Terminal = config.Tty,
            Stdin = config.Stdin,
            StdinOnce = config.StdinOnce,
            User = User(input, input.Image.Config.User),
            Capabilities = capabilities,
            NoNewPrivileges = input.Security.NoNewPrivs,
            OomScoreAdj = OomScoreAdj(config.Linux?.Resources),
            ApparmorProfile = ApparmorProfile(input),
            SelinuxLabel = SelinuxLabel(input),
            SeccompProgram = seccomp?.Program,
            SeccompFlags = seccomp is { Flags: > 0 } ? seccomp.Flags : null,
        };
    }

    /// <summary>CRI: command replaces the entrypoint and silences the image's cmd; args alone replace the cmd.</summary>
    private static List<string> Arguments(ContainerSpecInput input)
    {
        var (command, arguments) = (input.Config.Command, input.Config.Args);
        List<string> all = command.Count > 0
            ? [.. command, .. arguments]
            : [.. EntrypointOf(input.Image.Config), .. arguments.Count > 0 ? arguments : input.Image.Config.Cmd];
        if (all.Count == 0)
        {
            throw CriException.Invalid("No command: neither the request nor the image has one. Set command.");
        }

        if (all[0].Length == 0)
        {
            throw CriException.Invalid("The command's first word, the program, is empty.");
        }

        return all.Find(a => a.Contains('\0', StringComparison.Ordinal)) is { } bad
            ? throw CriException.Invalid($"The argument \"{bad.Replace("\0", "\\0", StringComparison.Ordinal)}\" has a NUL character.")
            : all;
    }

    // An image may say ENTRYPOINT [""] to undo its parent's.
    private static IReadOnlyList<string> EntrypointOf(ImageConfig image) => image.Entrypoint is [""] ? [] : image.Entrypoint;

    /// <summary>HOSTNAME, PATH, the image's, the request's: a later one replaces an earlier one of the same name.</summary>
    private static List<string> Environment(ContainerSpecInput input)
    {
        var names = new List<string>();
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        Add(DefaultPath);
        if (input.Config.Tty)
        {
            Add("TERM=xterm");
        }

        if (input.Sandbox.Spec.Hostname is { Length: > 0 } hostname)
        {
            Add($"HOSTNAME={hostname}");
        }

        foreach (var entry in input.Image.Config.Env)
        {
            Add(entry);
        }

        foreach (var entry in input.Config.Envs)
        {
            Add($"{Checked(entry.Key)}={Decode(entry)}");
        }

        foreach (var entry in input.Cdi.Edits.Env)
        {
            Add(entry);
        }

        return names.ConvertAll(name => values[name]);

        void Add(string entry)
        {
            var name = entry.Split('=', 2)[0];
            if (!values.ContainsKey(name))
            {
                names.Add(name);
            }

            values[name] = entry;
        }

        static string Checked(string key) => key.Length == 0 || key.Contains('=', StringComparison.Ordinal) || key.Contains('\0', StringComparison.Ordinal)
            ? throw CriException.Invalid($"\"{key}\" cannot be the name of an environment variable: it is empty, or has \"=\" or NUL.")
            : key;
    }

    private static string Decode(KeyValue entry)
    {
        try
        {
            var value = _strictUtf8.GetString(entry.Value.Span);
            return value.Contains('\0', StringComparison.Ordinal)
                ? throw CriException.Invalid($"The value of the environment variable {entry.Key} has a NUL character.")
                : value;
        }
        catch (DecoderFallbackException)
        {
            throw CriException.Invalid($"The value of the environment variable {entry.Key} is not UTF-8, and this version keeps text only.");
        }
    }

    private static string WorkingDirectory(ContainerSpecInput input)
    {
        var directory = input.Config.WorkingDir.Length > 0 ? input.Config.WorkingDir : input.Image.Config.WorkingDir;
        return directory.StartsWith('/') ? directory : "/" + directory;
    }

    /// <summary>Who the process is: the request's user, or else the image's. Also exec's rule: one parser for both.</summary>
    private static UserSpec User(ContainerSpecInput input, string imageUser)
    {
        var security = input.Security;
        var user = imageUser;
        if (security.RunAsUser is not null && security.RunAsUsername.Length > 0)
        {
            throw CriException.Invalid("run_as_user and run_as_username are both set; only one of them can be meant.");
        }

        if (security.RunAsUser is { } uid)
        {
            user = CheckedId(uid.Value, "run_as_user").ToString(CultureInfo.InvariantCulture);
        }
        else if (security.RunAsUsername.Length > 0)
        {
            user = security.RunAsUsername;
        }
        else if (security.RunAsGroup is not null)
        {
            throw CriException.Invalid("run_as_group needs run_as_user or run_as_username.");
        }

        CheckUserText(user);
        return new UserSpec
        {
            User = user,
            Gid = security.RunAsGroup is { } gid ? CheckedId(gid.Value, "run_as_group") : null,
            AdditionalGids =
            [
                .. security.SupplementalGroups.Select(g => CheckedId(g, "supplemental_groups")),
                .. input.Cdi.Edits.AdditionalGids.Where(g => g != 0).Select(g => (long)g).Except(security.SupplementalGroups),
            ],
            MergeImageGroups = security.SupplementalGroupsPolicy switch
            {
                SupplementalGroupsPolicy.Merge => true,
                SupplementalGroupsPolicy.Strict => false,
                var other => throw CriException.Invalid($"supplemental_groups_policy is {(int)other}, which is neither Merge nor Strict."),
            },
        };
    }

    /// <summary>
    /// Digits are never a name: a number too large for the kernel that falls back to a lookup finds what the image's author
    /// put into /etc/passwd, for example root (CVE-2024-40635, CVE-2026-46680).
    /// </summary>
    private static void CheckUserText(string user)
    {
        var parts = user.Split(':');
        if (parts.Length > 2 || user.AsSpan().ContainsAny('\0', '\n', '\r') || (user.Length > 0 && parts[0].Length == 0))
        {
            throw CriException.Invalid($"The user \"{user.ReplaceLineEndings("\\n")}\" is not of the form USER or USER:GROUP.");
        }

        foreach (var part in parts)
        {
            if (part.Length > 0 && part.All(char.IsAsciiDigit) && !int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                throw CriException.Invalid($"The user \"{user}\" has the id {part}, which is above 2147483647, the highest one.");
            }
        }
    }

    private static long CheckedId(long id, string field) => id is >= 0 and <= int.MaxValue
        ? id
        : throw CriException.Invalid($"{field} is {id}; ids go from 0 to 2147483647.");

    private static int OomScoreAdj(LinuxContainerResources? resources) => resources?.OomScoreAdj switch
    {
        null => 0,
        >= -1000 and <= 1000 and var value => (int)value,
        var value => throw CriException.Invalid($"oom_score_adj is {value}; it goes from -1000 to 1000."),
    };
}
