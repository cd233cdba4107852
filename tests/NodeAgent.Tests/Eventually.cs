using Xunit;

namespace Crisp.NodeAgent.Tests;

internal static class Eventually
{
    // What takes half a second here takes half a minute in the test VM.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Waits until it holds; a test that waits too long fails with what it waited for.</summary>
    public static async Task HoldsAsync(Func<bool> condition, string what, Func<string>? state = null)
    {
        var end = DateTime.UtcNow + s_patience;
        while (!condition())
        {
            if (DateTime.UtcNow > end)
            {
                Assert.Fail($"After {s_patience.TotalSeconds:0} s it still does not hold that {what}. {state?.Invoke()}");
            }

            await Task.Delay(20);
        }
    }
}
