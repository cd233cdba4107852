using System.Runtime.InteropServices;
using System.Text;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Seccomp;
using Crisp.Linux.Seccomp;

namespace Crisp.CriServer.Tests.Seccomp;

/// <summary>Filters of profiles, and what they answer (seccomp(2), SECCOMP_RET_*).</summary>
internal static class SeccompFilters
{
    public const uint Allow = 0x7FFF_0000;
    public const uint Eperm = 0x0005_0001;
    public const uint Eacces = 0x0005_000D;
    public const uint Enosys = 0x0005_0026;
    public const uint Kill = 0x8000_0000;

    public static Version Kernel { get; } = new(6, 1);

    /// <summary>The program of the profile at /p, for a container with the default capabilities.</summary>
    public static SeccompProgram Compile(string json, bool guard = false)
        => SeccompPrograms.Compile(SeccompProfileFile.Parse(Encoding.UTF8.GetBytes(json), "/p"), "/p", CapabilityNames.Default, Kernel, guard);

    public static SeccompInstruction[] Instructions(SeccompProgram program) => MemoryMarshal.Cast<byte, SeccompInstruction>(program.Program).ToArray();
}
