namespace Crisp.GuestImages.Programs;

/// <summary>A file for the initramfs.</summary>
/// <param name="Path">In the guest, absolute.</param>
internal sealed record GuestFile(string Path, ReadOnlyMemory<byte> Content, bool IsExecutable);

/// <summary>Finds the dynamic linker and the libraries of a program without running anything: the files say what they need.</summary>
internal static class SharedLibraries
{
    private const long Longest = 256 << 20;

    // Where the dynamic linkers of distributions look without any configuration. In the guest each library lies where it lies here.
    private static readonly string[] s_directories = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    /// <param name="name">The program's, for errors.</param>
    /// <returns>Empty for a static program, or a script.</returns>
    /// <exception cref="GuestImageException">A library is missing or damaged.</exception>
    internal static IReadOnlyList<GuestFile> Of(ReadOnlySpan<byte> program, string name)
    {
        var files = new SortedDictionary<string, GuestFile>(StringComparer.Ordinal);
        if (ElfProgram.IsElf(program))
        {
            Add(files, program, name);
        }

        return [.. files.Values];
    }

    private static void Add(SortedDictionary<string, GuestFile> files, ReadOnlySpan<byte> file, string name)
    {
        var elf = Parse(file, name);
        foreach (var path in elf.Needed.Select(n => Find(n, name)).Concat(elf.Interpreter is { } interpreter ? [interpreter] : []))
        {
            if (!files.ContainsKey(path))
            {
                var library = HostFile.Read("library", path, Longest);
                files.Add(path, new GuestFile(path, library, IsExecutable: true));
                Add(files, library, path);
            }
        }
    }

    private static ElfProgram Parse(ReadOnlySpan<byte> file, string name)
    {
        try
        {
            return ElfProgram.Parse(file);
        }
        catch (InvalidDataException e)
        {
            throw new GuestImageException($"{name} cannot be a part of a guest image. {e.Message}", e);
        }
    }

    private static string Find(string library, string neededBy)
        => s_directories.Select(d => Path.Combine(d, library)).FirstOrDefault(File.Exists)
            ?? throw new GuestImageException(
                $"{neededBy} needs the library {library}, which is in none of {string.Join(", ", s_directories)}. Install it, or take an init that is linked statically (--init).");
}
