using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Says what went wrong with a launch in the words of those who wrote the container's command.</summary>
internal static class LaunchErrors
{
    /// <param name="what">For example <c>The container 4be2… could not be started</c>.</param>
    internal static SandboxException Describe(Exception error, string what) => error switch
    {
        SandboxException known => known,
        TimeoutException => new SandboxException(RpcCode.DeadlineExceeded, $"{what}: {error.Message}", error),
        LinuxException { Call: "clone3", Errno: Errno.EAGAIN } => new SandboxException(
            RpcCode.ResourceExhausted, $"{what}: the limit of processes is reached (clone3: EAGAIN).", error),
        _ => new SandboxException(RpcCode.Internal, $"{what}: {error.Message}", error),
    };

    /// <summary>Whether it is worth a word, not a bug: what the kernel or the plan can answer.</summary>
    internal static bool IsExpected(Exception error)
        => error is LinuxException or PlanDiedException or TimeoutException or CgroupException or CgroupUnsupportedException or SandboxException;

    /// <summary>What users know of a program that cannot be executed.</summary>
    /// <param name="root">The container's root, to see why; null when it cannot be had.</param>
    internal static SandboxException DescribeProgram(PlanException error, ProcessSpec process, FileDescriptor? root)
    {
        var program = process.Args[0];
        var (code, reason) = error.Errno switch
        {
            Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENAMETOOLONG when !program.Contains('/', StringComparison.Ordinal)
                => (RpcCode.NotFound, "executable file not found in $PATH"),
            Errno.ENOENT when TypeOf(root, process.Cwd, error.Path) is FileType.Regular => (
                RpcCode.FailedPrecondition,
                "the file is there, but the interpreter that its first line names, or its dynamic loader, is not"),
            Errno.ENOENT => (RpcCode.NotFound, "no such file or directory"),
            Errno.EACCES when TypeOf(root, process.Cwd, error.Path) is FileType.Directory => (RpcCode.PermissionDenied, "is a directory"),
            Errno.EACCES => (RpcCode.PermissionDenied, "permission denied"),
            Errno.ENOEXEC => (RpcCode.FailedPrecondition, "exec format error: it is for another architecture, or a script without #!"),
            Errno.E2BIG => (RpcCode.InvalidArgument, "arguments and environment are too long"),
            var errno => (RpcCode.FailedPrecondition, errno.Describe()),
        };
        return new SandboxException(code, $"exec \"{program}\": {reason}", error);
    }

    private static FileType? TypeOf(FileDescriptor? root, string cwd, string? path)
    {
        if (root is null || path is null)
        {
            return null;
        }

        var absolute = path.StartsWith('/') ? path : $"{cwd}/{path}";
        using var file = Files.TryOpenAt2(
            root, absolute, OpenFlags.Path, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks, 0, out _);
        return file is null ? null : Files.Status(file).Type;
    }
}
