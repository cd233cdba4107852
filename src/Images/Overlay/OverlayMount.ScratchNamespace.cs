using System.Runtime.ExceptionServices;
using System.Text;
using Crisp.Linux;

namespace Crisp.Images;

public static partial class OverlayMount
{
    // mount(2) needs a place to mount on, which on the node would be seen, propagated and left behind by a crash. So a thread
    // gets a mount namespace of its own (unshare(2): CLONE_NEWNS implies CLONE_FS, which a single thread may do), mounts
    // there, takes a detached copy and ends, and the namespace ends with it. No process is cloned: managed code may not run
    // between clone and execve, on a thread it may.
    private static FileDescriptor InScratchNamespace(IReadOnlyList<string> lowers, string? upper, string? work, bool readOnly, bool isVolatile)
        => InScratchNamespace(() => MountAndCopy(lowers, upper, work, readOnly, isVolatile));

    private static FileDescriptor InScratchNamespace(Func<FileDescriptor> mountThere)
    {
        FileDescriptor? mount = null;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Namespaces.Unshare(NamespaceFlags.Mount);
                Mounts.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Private);
                mount = mountThere();
            }
#pragma warning disable CA1031 // An exception that leaves a thread ends the program; this one is rethrown by the caller.
            catch (Exception error)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        })
        {
            Name = "overlay mount",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return mount!;
    }

    private static FileDescriptor MountAndCopy(IReadOnlyList<string> lowers, string? upper, string? work, bool readOnly, bool isVolatile)
    {
        var held = new List<FileDescriptor>();
        try
        {
            var options = new StringBuilder(isVolatile ? "volatile,index=off,lowerdir=" : "index=off,lowerdir=");
            options.AppendJoin(':', lowers.Select(Name));
            if (upper is not null && work is not null)
            {
                options.Append(",upperdir=").Append(Name(upper)).Append(",workdir=").Append(Name(work));
            }

            if (options.Length > MaxOptions)
            {
                throw new LinuxException("mount", Errno.E2BIG, $"overlay of {lowers.Count} layers");
            }

            // A mount point that surely exists: the top layer's directory, covered in this namespace alone.
            Mounts.Mount("overlay", lowers[0], "overlay", upper is null ? MountFlags.ReadOnly : MountFlags.None, options.ToString());
            var copy = Mounts.OpenTree(FileDescriptor.CurrentDirectory, lowers[0], OpenTreeFlags.Clone);
            if (readOnly)
            {
                Mounts.MountSetAttr(copy, MountAttributes.ReadOnly);
            }

            return copy;
        }
        finally
        {
            held.ForEach(d => d.Dispose());
        }

        // All options must fit in one page, which a hundred paths do not. A descriptor's name does, with any number of layers
        // that images have (two hundred), and it has no colon or comma to escape. It must be opened in this namespace:
        // overlayfs refuses a directory that it reaches through another namespace's mount.
        string Name(string path)
        {
            var directory = Files.Open(path, OpenFlags.Path | OpenFlags.Directory);
            held.Add(directory);
            return directory.ProcPath;
        }
    }
}
