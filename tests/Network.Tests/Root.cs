using Crisp.Linux;
using Xunit;

namespace Crisp.Network.Tests;

/// <summary>Tests that change the machine's namespaces skip themselves when they cannot.</summary>
internal static class Root
{
    internal static void Required() => Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
}
