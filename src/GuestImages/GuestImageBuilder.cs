using Crisp.GuestImages.Kernels;
using Crisp.GuestImages.Modules;
using Crisp.GuestImages.Programs;
using Crisp.Kvm.Boot.Linux;

namespace Crisp.GuestImages;

/// <summary>A guest image that was made.</summary>
/// <param name="KernelSource">The kernel's path on this node.</param>
/// <param name="KernelNote">What was done to the kernel.</param>
/// <param name="Libraries">The guest's paths of init's dynamic linker and libraries.</param>
public sealed record BuiltGuestImage(GuestImageManifest Manifest, string KernelSource, string KernelNote, IReadOnlyList<string> Libraries);

/// <summary>Makes guest images from what the node already has: its kernel, the kernel's modules, and an init with its libraries.</summary>
public static class GuestImageBuilder
{
    private const long LongestProgram = 256 << 20;

    /// <summary>Makes an image and puts it in the place of the one before, whole.</summary>
    /// <param name="directory">Made where it is missing; what is there must be a guest image.</param>
    /// <exception cref="GuestImageException">Something is missing or damaged; the image before is untouched.</exception>
    public static BuiltGuestImage Build(GuestImageOptions options, string directory)
    {
        var kernelPath = options.Kernel ?? KernelSearch.FindKernel(KernelSearch.RunningRelease);
        var kernel = KernelFile.Read(kernelPath);
        var init = HostFile.Read("program", options.Init, LongestProgram);
        if (File.Exists(options.Init + ".dll"))
        {
            throw new GuestImageException($"{options.Init} is a development build, which needs .NET: no guest has it. Publish it first (CONTRIBUTING.md).");
        }

        var content = new InitramfsContent();
        content.Add(new GuestFile(GuestFiles.Init, init, IsExecutable: true));
        var libraries = AddProgram(content, init, options.Init);
        foreach (var (source, path) in options.Files)
        {
            var file = HostFile.Read("file", source, LongestProgram);
            content.Add(new GuestFile(path, file, IsExecutable(source)));
            libraries.UnionWith(AddProgram(content, file, source));
        }

        content.AddModules(ReadModules(options, kernel.Release));
        var initramfs = content.Write();
        var manifest = new GuestImageManifest(
            GuestImageManifest.CurrentFormat,
            options.Version,
            kernel.Release,
            Describe(GuestImage.KernelName, kernel.Image.Span),
            Describe(GuestImage.InitramfsName, initramfs),
            GuestImage.Digest(init),
            content.ModulePaths);
        GuestImageDirectory.Replace(directory, kernel.Image.Span, initramfs, manifest.ToJson());
        return new BuiltGuestImage(manifest, kernelPath, kernel.Note, [.. libraries]);
    }

    private static SortedSet<string> AddProgram(InitramfsContent content, ReadOnlySpan<byte> program, string name)
    {
        var libraries = SharedLibraries.Of(program, name);
        foreach (var library in libraries)
        {
            content.Add(library);
        }

        return new SortedSet<string>(libraries.Select(l => l.Path), StringComparer.Ordinal);
    }

    private static List<ModuleFile> ReadModules(GuestImageOptions options, string release)
    {
        var tree = ModuleTree.Open(options.Modules ?? KernelSearch.FindModules(release));
        return [.. tree.FilesInOrder(GuestImageOptions.NecessaryModules.Concat(options.MoreModules)).Select(f => ModuleFile.Read(f, release))];
    }

    private static bool IsExecutable(string path) => (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;

    private static GuestImageFile Describe(string name, ReadOnlySpan<byte> content) => new(name, content.Length, GuestImage.Digest(content));
}
