using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>What the pod's process has to say to people: a line in the file "stderr" of its run directory. For any thread.</summary>
internal static class Diagnostics
{
    private static readonly FileDescriptor _stderr = new(2, ownsHandle: false);

    public static void Say(string message)
    {
        var time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

        // A full disk must not end the pod because of a remark on it.
        Files.TryWrite(_stderr, Encoding.UTF8.GetBytes($"{time} {message}\n"), out _);
    }
}
