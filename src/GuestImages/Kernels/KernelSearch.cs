namespace Crisp.GuestImages.Kernels;

/// <summary>Where distributions have the kernel that is running, and its modules.</summary>
internal static class KernelSearch
{
    private const string ReleaseFile = "/proc/sys/kernel/osrelease";

    internal static string RunningRelease => File.ReadAllText(ReleaseFile).Trim();

    /// <returns>The path of the running kernel.</returns>
    /// <exception cref="GuestImageException">There is none.</exception>
    internal static string FindKernel(string release)
    {
        string[] candidates = [$"/boot/vmlinuz-{release}", $"/lib/modules/{release}/vmlinuz"];
        return candidates.FirstOrDefault(File.Exists) ?? throw new GuestImageException(
            $"The running kernel {release} is not on this node: neither {string.Join(" nor ", candidates)} exists. "
            + "Install a kernel (Debian: linux-image-cloud-amd64), or name one with --kernel and --modules.");
    }

    /// <returns>The directory of a kernel's modules.</returns>
    /// <exception cref="GuestImageException">There is none.</exception>
    internal static string FindModules(string release)
    {
        var directory = $"/lib/modules/{release}";
        return Directory.Exists(directory) ? directory : throw new GuestImageException(
            $"There are no modules of the kernel {release}: {directory} does not exist. Install the kernel's package, or name the directory with --modules.");
    }
}
