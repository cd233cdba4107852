using System.Collections.Concurrent;
using Crisp.CriServer.Hosting;
using Crisp.Linux.Seccomp;

namespace Crisp.CriServer.Seccomp;

/// <summary>A compiled filter.</summary>
/// <param name="Program">struct sock_filter[].</param>
/// <param name="Flags">SECCOMP_FILTER_FLAG_*.</param>
internal sealed record SeccompProgram(byte[] Program, uint Flags);

/// <summary>Compiles profiles for containers. It happens here, since the daemon has what a profile depends on and memory to spare.</summary>
internal static class SeccompPrograms
{
    private const int MostKept = 64;

    // The default profile differs with the capabilities alone, and most containers have the same.
    private static readonly ConcurrentDictionary<string, SeccompProgram> _defaults = new(StringComparer.Ordinal);

    private static readonly Lazy<SeccompProgram> _projectGuard = new(() => new SeccompProgram(SeccompCompiler.Compile(Seccomp.ProjectGuard.Alone), Flags: 0));

    /// <summary>Of <see cref="Seccomp.ProjectGuard"/> alone.</summary>
    public static SeccompProgram ProjectGuard => _projectGuard.Value;

    /// <param name="capabilities">The container's bounding set, with CAP_.</param>
    /// <param name="guard">Whether <see cref="Seccomp.ProjectGuard"/> is added.</param>
    public static SeccompProgram Default(IReadOnlyCollection<string> capabilities, Version kernel, bool guard = false)
    {
        var key = $"{kernel} {guard} {string.Join(' ', capabilities)}";
        if (_defaults.TryGetValue(key, out var known))
        {
            return known;
        }

        var program = Compile(SeccompProfileFile.Default, "RuntimeDefault", capabilities, kernel, guard);
        return _defaults.Count < MostKept ? _defaults.GetOrAdd(key, program) : program;
    }

    /// <param name="path">Read anew for every container, so that a changed file holds for the next one.</param>
    /// <param name="guard">Whether <see cref="Seccomp.ProjectGuard"/> is added.</param>
    public static SeccompProgram OfFile(string path, IReadOnlyCollection<string> capabilities, Version kernel, bool guard = false)
        => Compile(SeccompProfileFile.Read(path), path, capabilities, kernel, guard);

    internal static SeccompProgram Compile(
        SeccompProfile profile, string subject, IReadOnlyCollection<string> capabilities, Version kernel, bool guard = false)
    {
        var resolver = new SeccompResolver(profile, subject, capabilities, kernel);
        var (policy, flags) = (resolver.Resolve(), resolver.Flags());
        try
        {
            return new SeccompProgram(SeccompCompiler.Compile(guard ? Seccomp.ProjectGuard.AddTo(policy) : policy), flags);
        }
        catch (ArgumentException e)
        {
            throw CriException.Precondition($"The seccomp profile {subject} is too long: {e.Message}");
        }
    }
}
