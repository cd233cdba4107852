using Xunit;

namespace Crisp.Images.Tests;

/// <summary>Waits for what happens a moment later.</summary>
internal static class Eventually
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    public static void True(Func<bool> condition) => TrueAsync(condition).GetAwaiter().GetResult();

    public static async Task TrueAsync(Func<bool> condition)
    {
        var deadline = DateTime.UtcNow + _patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < deadline, "It did not happen in time.");
            await Task.Delay(10);
        }
    }
}
