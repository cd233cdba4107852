using System.CommandLine;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.GuestImages;

namespace Crisp.CriServer.CommandLine.Vm;

/// <summary><c>crisp vm build</c>: the kernel and the initramfs of virtual machines, from what the node already has.</summary>
internal static class VmBuildCommand
{
    public static Command Create()
    {
        var kernel = new Option<string?>("--kernel") { Description = "A vmlinux or bzImage (default: the running kernel's, in /boot)", HelpName = "FILE" };
        var modules = new Option<string?>("--modules") { Description = "The kernel's directory with modules.dep (default: /lib/modules/RELEASE)", HelpName = "DIR" };
        var more = new Option<string[]>("--module") { Description = "One more module to load, ext4 for example; may be given again", HelpName = "NAME", DefaultValueFactory = _ => [] };
        var init = new Option<string?>("--init") { Description = "The guest's process 1 (default: crisp-sandbox)", HelpName = "FILE" };
        var files = new Option<string[]>("--file") { Description = "One more file and its place in the guest; may be given again", HelpName = "FILE[:PATH]", DefaultValueFactory = _ => [] };
        var output = new Option<string?>("--output") { Description = "The image's directory (default: guest beneath the root of the configuration)", HelpName = "DIR" };
        var config = DaemonOptions.ConfigFileOption();
        var command = new Command("build", "Make the guest image that virtual machines boot, from this node's kernel, modules and crisp-sandbox.")
        {
            kernel, modules, more, init, files, output, config,
        };
        command.SetRun((parsed, _) =>
        {
            var settings = ConfigFile.Load(parsed.GetValue(config));
            var options = new GuestImageOptions(CrispVersion.Text, Path.GetFullPath(parsed.GetValue(init) ?? settings.SandboxBinaryPath))
            {
                Kernel = parsed.GetValue(kernel),
                Modules = parsed.GetValue(modules),
                MoreModules = parsed.GetValue(more) ?? [],
                Files = [.. (parsed.GetValue(files) ?? []).Select(File)],
            };
            var directory = Path.GetFullPath(parsed.GetValue(output) ?? settings.GuestImageDirectory);
            Print(parsed.InvocationConfiguration.Output, GuestImageBuilder.Build(options, directory), options.Init, directory);
            return Task.FromResult(0);
        });
        return command;
    }

    /// <param name="text">FILE, which keeps its path in the guest, or FILE:PATH.</param>
    internal static (string Source, string Path) File(string text)
    {
        var colon = text.LastIndexOf(':');
        var source = Path.GetFullPath(colon < 0 ? text : text[..colon]);
        return (source, colon < 0 ? source : text[(colon + 1)..]);
    }

    private static void Print(TextWriter output, BuiltGuestImage image, string init, string directory)
    {
        var manifest = image.Manifest;
        output.WriteLine($"kernel     {manifest.KernelRelease}: {image.KernelSource}, {image.KernelNote}");
        output.WriteLine($"init       {init}{(image.Libraries.Count == 0 ? "" : $", with {string.Join(", ", image.Libraries)}")}");
        output.WriteLine($"modules    {(manifest.Modules.Count == 0 ? "all built in" : string.Join(' ', manifest.Modules.Select(Path.GetFileNameWithoutExtension)))}");
        output.WriteLine($"written    {directory}: kernel {Megabytes(manifest.Kernel.Bytes)}, initramfs {Megabytes(manifest.Initramfs.Bytes)}");
    }

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1e6:0.0} MB");
}
