using System.Globalization;
using System.Text;
using Crisp.Linux;

namespace Crisp.CriServer.Hosting;

/// <summary>
/// Ownership of a root directory: one daemon (or one importing command) at a time. The lock dies with its process, so a kill -9
/// leaves nothing to clean up.
/// </summary>
internal sealed class RootLock : IDisposable
{
    private readonly FileDescriptor _file;

    private RootLock(FileDescriptor file) => _file = file;

    /// <param name="root">An existing directory.</param>
    /// <param name="owner">The holder's process id as it wrote it, where the lock is not to be had.</param>
    /// <returns>The lock, or null when another process holds it.</returns>
    public static RootLock? TryAcquire(string root, out string? owner)
    {
        var file = Files.Open(Path.Combine(root, "crisp.lock"), OpenFlags.ReadWrite | OpenFlags.Create, 0x180);
        if (!Files.TryLock(file))
        {
            using (file)
            {
                owner = Encoding.ASCII.GetString(Files.ReadToEnd(file, 16));
                return null;
            }
        }

        Files.Truncate(file, 0);
        Files.WriteAll(file, Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        owner = null;
        return new RootLock(file);
    }

    public void Dispose() => _file.Dispose();
}
