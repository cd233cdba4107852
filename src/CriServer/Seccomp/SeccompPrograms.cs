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

    /// <param name="capabilities">The container's bounding set, with CAP_.</param>
    public static SeccompProgram Default(IReadOnlyCollection<string> capabilities, Version kernel)
    {
        var key = $"{kernel} {string.Join(' ', capabilities)}";
        if (_defaults.TryGetValue(key, out var known))
        {
            return known;
        }

        var program = Compile(SeccompProfileFile.Default, "RuntimeDefault", capabilities, kernel);
        return _defaults.Count < MostKept ? _defaults.GetOrAdd(key, program) : program;
    }

    /// <param name="path">Read anew for every container, so that a changed file holds for the next one.</param>
    public static SeccompProgram OfFile(string path, IReadOnlyCollection<string> capabilities, Version kernel)
        => Compile(SeccompProfileFile.Read(path), path, capabilities, kernel);

    internal static SeccompProgram Compile(SeccompProfile profile, string subject, IReadOnlyCollection<string> capabilities, Version kernel)
    {
        var resolver = new SeccompResolver(profile, subject, capabilities, kernel);
        var (policy, flags) = (resolver.Resolve(), resolver.Flags());
        try
        {
            return new SeccompProgram(SeccompCompiler.Compile(policy), flags);
        }
        catch (ArgumentException e)
        {
            throw CriException.Precondition($"The seccomp profile {subject} is too long: {e.Message}");
        }
    }
}
