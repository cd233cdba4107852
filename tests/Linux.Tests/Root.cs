using Xunit;

namespace Crisp.Linux.Tests;

/// <summary>Tests that change the machine's namespaces or mounts skip themselves when they cannot.</summary>
internal static class Root
{
    internal static void Required() => Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
}
