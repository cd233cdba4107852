using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests;

/// <summary>Tests that make files of other owners, devices or mounts skip themselves when they cannot.</summary>
internal static class Root
{
    internal static void Required() => Assert.SkipUnless(Processes.EffectiveUid == 0, "needs root");
}
