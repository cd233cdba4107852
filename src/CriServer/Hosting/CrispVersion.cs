using System.Reflection;

namespace Crisp.CriServer.Hosting;

/// <summary>The version of this build, as the project file has it.</summary>
internal static class CrispVersion
{
    /// <summary>A semantic version such as 0.1.0, without the build's commit.</summary>
    public static string Text { get; } = typeof(CrispVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
