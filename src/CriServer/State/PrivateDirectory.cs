using Crisp.Linux;

namespace Crisp.CriServer.State;

/// <summary>Directories that nobody but root may enter (CVE-2021-41103, CVE-2024-25621).</summary>
public static class PrivateDirectory
{
    private const uint Mode = 0x1C0;

    /// <summary>Makes the directory and its missing parents with mode 0700, and narrows an existing one to it.</summary>
    public static void Create(string path)
    {
        Directory.CreateDirectory(path, (UnixFileMode)Mode);
        using var directory = Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow);
        if (Files.Status(directory).Permissions != Mode)
        {
            Files.Fchmod(directory, Mode);
        }
    }
}
