using Crisp.Images.Archives;
using Crisp.Linux;

namespace Crisp.Images.Layers;

internal sealed partial class LayerApplier
{
    private const string Capability = "security.capability";

    /// <summary>Of an open file or directory.</summary>
    private static void SetMetadata(FileDescriptor file, TarEntry entry)
    {
        // In this order: chown(2) takes away set-id bits and capabilities, whatever changes a file sets its time.
        Files.Fchown(file, entry.Uid, entry.Gid);
        Files.Fchmod(file, entry.Mode);
        foreach (var xattr in entry.Xattrs.Where(x => IsWanted(x.Name, entry.Kind)))
        {
            SetXattr(file, entry, xattr);
        }

        Files.Utimens(file, "", entry.Modified, entry.Modified);
    }

    // Everything else drives the node's kernel and not the container's programs: trusted.overlay would redirect whole
    // directories, security.selinux and security.ima are the node's policy.
    private static bool IsWanted(string name, TarEntryKind kind)
        => (name.StartsWith("user.", StringComparison.Ordinal) && !name.StartsWith("user.overlay.", StringComparison.Ordinal))
            || (name == Capability && kind == TarEntryKind.File)
            || name == "system.posix_acl_access"
            || (name == "system.posix_acl_default" && kind == TarEntryKind.Directory);

    private static void SetXattr(FileDescriptor file, TarEntry entry, TarXattr xattr)
    {
        try
        {
            Files.SetXattr(file, xattr.Name, xattr.Value);
        }
        catch (LinuxException error) when (error.Errno == Errno.ENOTSUP && xattr.Name != Capability)
        {
            // The filesystem has none of this kind, and nothing in the kernel needs them: as every runtime does.
        }
        catch (LinuxException error) when (error.Errno is Errno.EINVAL or Errno.ERANGE or Errno.E2BIG)
        {
            throw ImageException.Bad($"{entry.Name} has an extended attribute {xattr.Name} that the kernel refuses: {error.Message}", error);
        }
    }
}
