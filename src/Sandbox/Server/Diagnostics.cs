using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>What the pod's process has to say to people: a line in the file "stderr" of its run directory. For any thread.</summary>
internal static class Diagnostics
{
    // A remark that comes back for ever must not fill the node's /run.
    private const int MaxBytes = 256 << 10;
    private static readonly FileDescriptor _stderr = new(2, ownsHandle: false);
    private static int _written;

    public static void Say(string message)
    {
        var time = DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        var line = Encoding.UTF8.GetBytes($"{time} {message}\n");
        var before = Interlocked.Add(ref _written, line.Length) - line.Length;
        if (before < MaxBytes)
        {
            // A full disk must not end the pod because of a remark on it.
            Files.TryWrite(_stderr, line, out _);
        }
    }
}
