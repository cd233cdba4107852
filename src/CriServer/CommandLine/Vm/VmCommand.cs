using System.CommandLine;

namespace Crisp.CriServer.CommandLine.Vm;

/// <summary><c>crisp vm</c>.</summary>
internal static class VmCommand
{
    public static Command Create() => new("vm", "Run virtual machines by hand.") { VmRunCommand.Create(), VmBootCommand.Create(), VmBuildCommand.Create() };
}
