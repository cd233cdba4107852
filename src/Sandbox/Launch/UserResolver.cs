using System.Globalization;
using System.Text;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Turns a user specification into numbers, with the container's own /etc/passwd (passwd(5)) and /etc/group (group(5)).</summary>
public static class UserResolver
{
    private const string Passwd = "etc/passwd";
    private const string Group = "etc/group";

    // NGROUPS_MAX of linux/limits.h.
    private const int MostGroups = 65536;

    /// <param name="rootfs">
    /// The container's root: its detached mount, or the one that a running container has. Null: neither file is there.
    /// </param>
    /// <exception cref="SandboxException">InvalidArgument: no such user or group, or a malformed or too large one.</exception>
    public static ResolvedUser Resolve(FileDescriptor? rootfs, UserSpec user)
    {
        var (userText, groupText) = Split(user.User);
        var account = FindAccount(rootfs, userText);
        var gid = user.Gid is { } asked ? Checked(asked, "group")
            : groupText is null ? account.Gid
            : ParseId(groupText, "group") ?? FindGroup(rootfs, groupText);
        var groups = new List<uint> { gid };
        if (user.MergeImageGroups && account.Name is { } name)
        {
            AddMemberships(rootfs, name, groups);
        }

        foreach (var additional in user.AdditionalGids)
        {
            Add(groups, Checked(additional, "supplementary group"));
        }

        return new ResolvedUser(account.Uid, gid, groups, account.Home);
    }

    private static (string User, string? Group) Split(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (user, group) = colon < 0 ? (text, null) : (text[..colon], text[(colon + 1)..]);
        var malformed = (text.Length > 0 && user.Length == 0) || group is "" || (group?.Contains(':', StringComparison.Ordinal) ?? false)
            || text.AsSpan().ContainsAny('\0', '\n', '\r');
        return malformed
            ? throw Invalid($"The user \"{text.ReplaceLineEndings("\\n")}\" is not of the form USER or USER:GROUP.")
            : (user, group);
    }

    /// <summary>
    /// Digits are never a name: a number that is too large and is then looked up finds what the image's author wrote into
    /// /etc/passwd, for example root (CVE-2024-40635, CVE-2026-46680).
    /// </summary>
    /// <returns>Null when the text is a name.</returns>
    private static uint? ParseId(string text, string kind)
    {
        if (text.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? (uint)id
            : throw Invalid($"The {kind} {text} is above {int.MaxValue}, the highest id there is.");
    }

    private static uint Checked(long id, string kind) => id is >= 0 and <= int.MaxValue
        ? (uint)id
        : throw Invalid($"The {kind} {id} is not from 0 to {int.MaxValue}.");

    private static Account FindAccount(FileDescriptor? rootfs, string user)
    {
        var uid = user.Length == 0 ? 0 : ParseId(user, "user");
        var name = uid is null ? Encoding.UTF8.GetBytes(user) : null;
        Account? found = null;
        AccountFile.Read(rootfs, Passwd, line =>
        {
            // name:password:uid:gid:comment:home:shell
            Span<Range> fields = stackalloc Range[8];
            if (AccountFile.Split(line, fields) >= 6
                && Id(line[fields[2]]) is { } foundUid
                && Id(line[fields[3]]) is { } foundGid
                && (name is null ? foundUid == uid : line[fields[0]].SequenceEqual(name)))
            {
                var home = Encoding.UTF8.GetString(line[fields[5]]);
                found = new Account(foundUid, foundGid, line[fields[0]].ToArray(), home.StartsWith('/') ? home : "/");
            }

            return found is null;
        });

        // A number needs no entry: it then has group 0, no groups and no home, as elsewhere.
        return found ?? (uid is { } number
            ? new Account(number, 0, null, "/")
            : throw Invalid($"The user \"{user}\" is not in the container's /{Passwd}. Name one that is there, or give a number."));
    }

    private static uint FindGroup(FileDescriptor? rootfs, string group)
    {
        var name = Encoding.UTF8.GetBytes(group);
        uint? found = null;
        ReadGroups(rootfs, (groupName, gid, _) =>
        {
            found = groupName.SequenceEqual(name) ? gid : null;
            return found is null;
        });
        return found ?? throw Invalid($"The group \"{group}\" is not in the container's /{Group}. Name one that is there, or give a number.");
    }

    private static void AddMemberships(FileDescriptor? rootfs, byte[] user, List<uint> groups)
        => ReadGroups(rootfs, (_, gid, members) =>
        {
            foreach (var member in members.Split((byte)','))
            {
                if (members[member].SequenceEqual(user))
                {
                    Add(groups, gid);
                }
            }

            return true;
        });

    private delegate bool GroupReader(ReadOnlySpan<byte> name, uint gid, ReadOnlySpan<byte> members);

    private static void ReadGroups(FileDescriptor? rootfs, GroupReader reader) => AccountFile.Read(rootfs, Group, line =>
    {
        // name:password:gid:member,member
        Span<Range> fields = stackalloc Range[5];
        var count = AccountFile.Split(line, fields);
        return count < 3 || Id(line[fields[2]]) is not { } gid || reader(line[fields[0]], gid, count > 3 ? line[fields[3]] : default);
    });

    private static void Add(List<uint> groups, uint gid)
    {
        if (groups.Contains(gid))
        {
            return;
        }

        if (groups.Count == MostGroups)
        {
            throw Invalid($"The user has more than {MostGroups} groups, which no process can have.");
        }

        groups.Add(gid);
    }

    /// <summary>An id in a file; null when it is none, and the line is as good as not there.</summary>
    private static uint? Id(ReadOnlySpan<byte> text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? (uint)id : null;

    private static SandboxException Invalid(string message) => new(RpcCode.InvalidArgument, message);

    private sealed record Account(uint Uid, uint Gid, byte[]? Name, string Home);
}
