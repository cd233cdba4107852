namespace Crisp.Linux;

/// <summary>Replaces small files so that at any instant, and after any crash, the old content is there or the new, whole.</summary>
public static class AtomicFile
{
    private const uint PrivateMode = 0x180; // 0600

    /// <summary>Writes a file of the directory. On return it is on the disk under its name.</summary>
    /// <param name="temporary">A name in the directory for the content until it is whole; what is there is overwritten.</param>
    /// <exception cref="LinuxException">ENOSPC and the like: what was there is untouched, and no half of the new file stays.</exception>
    public static void Write(FileDescriptor directory, string temporary, string name, ReadOnlySpan<byte> content, uint mode = PrivateMode)
    {
        Prepare(directory, temporary, content, mode);
        Files.RenameAt2(directory, temporary, directory, name);
        Files.Fsync(directory);
    }

    /// <summary>The first step of <see cref="Write"/>: on return the content is on the disk, under its temporary name.</summary>
    /// <inheritdoc cref="Write"/>
    public static void Prepare(FileDescriptor directory, string temporary, ReadOnlySpan<byte> content, uint mode = PrivateMode)
    {
        try
        {
            using var file = Files.OpenAt(directory, temporary, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate | OpenFlags.NoFollow, mode);
            Files.WriteAll(file, content);
            Files.Fsync(file);
        }
        catch (LinuxException)
        {
            // A full disk must not be filled further by half of a file that nobody will read.
            Files.UnlinkIfThere(directory, temporary);
            throw;
        }
    }
}
