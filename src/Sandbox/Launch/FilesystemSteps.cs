using Crisp.Linux.Plans;

namespace Crisp.Sandbox.Launch;

/// <summary>Steps that begin a filesystem.</summary>
internal static class FilesystemSteps
{
    /// <summary>fsopen(2), with the type's name as the source that mountinfo shows.</summary>
    /// <returns>The context, for options and FSCONFIG_CMD_CREATE.</returns>
    internal static StepReference NewFilesystem(this PlanBuilder builder, string type)
    {
        var context = builder.FsOpen(type).As(type);
        builder.FsConfigString(context, "source", type);
        return context;
    }
}
