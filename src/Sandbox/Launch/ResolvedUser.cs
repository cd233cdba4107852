namespace Crisp.Sandbox.Launch;

/// <summary>Who a process runs as, in numbers of the container's user namespace.</summary>
/// <param name="Groups">Supplementary groups, with the primary one among them, as login(1) has it.</param>
/// <param name="Home">The home directory of /etc/passwd, or "/" without one.</param>
public sealed record ResolvedUser(uint Uid, uint Gid, IReadOnlyList<uint> Groups, string Home);
