using Crisp.Linux.Interop;

namespace Crisp.Linux.Plans;

public sealed partial class PlanBuilder
{
    private const int AtSymlinkNofollow = 0x100;
    private const int AtEmptyPath = 0x1000;

    /// <summary>openat(2). O_CLOEXEC is always added. The result is the descriptor.</summary>
    public StepReference OpenAt(PlanDescriptor directory, string path, OpenFlags flags, uint mode = 0)
        => Add(
            SystemCall.openat,
            directory.Argument,
            Text(path),
            Literal((long)(flags | OpenFlags.CloseOnExec), ArgumentFormat.OpenFlags),
            Literal(mode, ArgumentFormat.Octal));

    /// <summary>openat2(2). O_CLOEXEC is always added. The result is the descriptor.</summary>
    public StepReference OpenAt2(PlanDescriptor directory, string path, OpenFlags flags, ResolveFlags resolve, uint mode = 0)
    {
        flags |= OpenFlags.CloseOnExec;
        var how = new open_how { flags = (ulong)flags, mode = mode, resolve = (ulong)resolve };
        return Add(
            SystemCall.openat2,
            directory.Argument,
            Text(path),
            Struct(how, new OpenHowSource(flags, resolve, mode)),
            Literal(3 * sizeof(ulong)));
    }

    public StepReference Close(PlanDescriptor file) => Add(SystemCall.close, file.Argument);

    /// <summary>dup3(2) without O_CLOEXEC: the program inherits the copy. Old and new must differ.</summary>
    public StepReference Dup3(PlanDescriptor file, int number)
        => Add(SystemCall.dup3, file.Argument, Literal(number), Literal(0));

    /// <summary>dup2(2): as dup3, but fine with a descriptor that has the number already. That one stays close-on-exec or not.</summary>
    public StepReference Dup2(PlanDescriptor file, int number) => Add(SystemCall.dup2, file.Argument, Literal(number));

    /// <summary>fcntl(2), F_SETFD 0: the program inherits the descriptor.</summary>
    public StepReference ClearCloseOnExec(PlanDescriptor file)
    {
        const int FSetfd = 2;
        return Add(SystemCall.fcntl, file.Argument, Literal(FSetfd), Literal(0));
    }

    /// <summary>close_range(2).</summary>
    /// <param name="closeOnExec">CLOSE_RANGE_CLOEXEC: only mark them, so that the plan can go on using them.</param>
    public StepReference CloseRange(uint first, uint last = uint.MaxValue, bool closeOnExec = true)
    {
        const int CloseRangeCloexec = 4;
        return Add(
            SystemCall.close_range,
            Literal(first),
            Literal(last),
            Literal(closeOnExec ? CloseRangeCloexec : 0, ArgumentFormat.CloseRangeFlags));
    }

    /// <summary>write(2) of a text, at once: fewer bytes written are no error, but files of /proc and /sys take all or nothing.</summary>
    public StepReference Write(PlanDescriptor file, string text)
        => Add(SystemCall.write, file.Argument, Text(text), Literal(LinuxPath.Encode(text).Length));

    public StepReference MkdirAt(PlanDescriptor directory, string path, uint mode)
        => Add(SystemCall.mkdirat, directory.Argument, Text(path), Literal(mode, ArgumentFormat.Octal));

    /// <summary>mknodat(2).</summary>
    public StepReference MknodAt(PlanDescriptor directory, string path, FileType type, uint mode, uint major = 0, uint minor = 0)
        => Add(
            SystemCall.mknodat,
            directory.Argument,
            Text(path),
            Literal((uint)type | mode, ArgumentFormat.FileMode),
            Literal((long)Files.MakeDevice(major, minor), ArgumentFormat.Device));

    public StepReference SymlinkAt(string target, PlanDescriptor directory, string path)
        => Add(SystemCall.symlinkat, Text(target), directory.Argument, Text(path));

    public StepReference UnlinkAt(PlanDescriptor directory, string path)
        => Add(SystemCall.unlinkat, directory.Argument, Text(path), Literal(0, ArgumentFormat.AtFlags));

    /// <summary>fchownat(2), not following a final symlink; an empty path is the descriptor itself.</summary>
    public StepReference FchownAt(PlanDescriptor directory, string path, uint owner, uint group)
        => Add(
            SystemCall.fchownat,
            directory.Argument,
            Text(path),
            Literal(owner),
            Literal(group),
            Literal(path.Length == 0 ? AtEmptyPath : AtSymlinkNofollow, ArgumentFormat.AtFlags));

    /// <summary>fchmod(2).</summary>
    public StepReference Fchmod(PlanDescriptor file, uint mode)
        => Add(SystemCall.fchmod, file.Argument, Literal(mode, ArgumentFormat.Octal));

    public StepReference Chdir(string path) => Add(SystemCall.chdir, Text(path));

    public StepReference Fchdir(PlanDescriptor directory) => Add(SystemCall.fchdir, directory.Argument);

    public StepReference Chroot(string path) => Add(SystemCall.chroot, Text(path));

    /// <summary>umask(2).</summary>
    public StepReference Umask(uint mask) => Add(SystemCall.umask, Literal(mask, ArgumentFormat.Octal));
}
