using Crisp.Linux;

namespace Crisp.GuestImages;

/// <summary>Writes the directory of a guest image beside its place, and then exchanges the two.</summary>
internal static class GuestImageDirectory
{
    private const string NewSuffix = ".new";
    private const uint DirectoryMode = 0x1ED; // 0755

    /// <exception cref="GuestImageException">It cannot be written, or what is there is no guest image.</exception>
    internal static void Replace(string directory, ReadOnlySpan<byte> kernel, ReadOnlySpan<byte> initramfs, ReadOnlySpan<byte> manifest)
    {
        var place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(place) ?? throw new GuestImageException($"{directory} cannot be a guest image."));
            using var parent = Files.Open(Path.GetDirectoryName(place)!, OpenFlags.Directory);
            // One at a time: what lies at the name of a new one was left by a build that did not end.
            if (!Files.TryLock(parent))
            {
                throw new GuestImageException($"Another guest image is just being made in {Path.GetDirectoryName(place)}. Try again when it is done.");
            }

            var isThere = VerifyPlace(place);
            var name = Path.GetFileName(place);
            Remove(place + NewSuffix);
            Write(parent, name + NewSuffix, kernel, initramfs, manifest);
            Files.RenameAt2(parent, name + NewSuffix, parent, name, isThere ? RenameFlags.Exchange : RenameFlags.NoReplace);
            Files.Fsync(parent);
            Remove(place + NewSuffix);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            throw new GuestImageException($"The guest image {directory} cannot be written: {e.Message}", e);
        }
    }

    /// <returns>Whether anything is there.</returns>
    private static bool VerifyPlace(string place)
        => Directory.Exists(place)
            ? File.Exists(Path.Combine(place, GuestImage.ManifestName)) || !Directory.EnumerateFileSystemEntries(place).Any() ? true
                : throw new GuestImageException($"{place} is no guest image, and not empty. Name another directory (--output).")
            : File.Exists(place) ? throw new GuestImageException($"{place} is a file. Name another directory (--output).") : false;

    private static void Write(FileDescriptor parent, string name, ReadOnlySpan<byte> kernel, ReadOnlySpan<byte> initramfs, ReadOnlySpan<byte> manifest)
    {
        Files.MkdirAt(parent, name, DirectoryMode);
        using var directory = Files.OpenAt(parent, name, OpenFlags.Directory);
        WriteFile(directory, GuestImage.KernelName, kernel);
        WriteFile(directory, GuestImage.InitramfsName, initramfs);
        WriteFile(directory, GuestImage.ManifestName, manifest);
        Files.Fsync(directory);
    }

    private static void WriteFile(FileDescriptor directory, string name, ReadOnlySpan<byte> content)
    {
        const uint Mode = 0x1A4; // 0644
        using var file = Files.OpenAt(directory, name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, Mode);
        Files.WriteAll(file, content);
        Files.Fsync(file);
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }
}
