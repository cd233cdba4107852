using System.Reflection;

namespace Crisp.NodeAgent;

/// <summary>The version of this build, which crisp and crisp-sandbox of the same image have too.</summary>
internal static class AgentVersion
{
    /// <summary>A semantic version such as 0.1.0, without the build's commit.</summary>
    public static string Text { get; } = typeof(AgentVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
