using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Logs;

/// <summary>
/// A container's log. Its directory is opened once; the file is only ever opened beneath that, never through a symlink
/// (CVE-2024-5154 and its kin), and must be a regular file.
/// </summary>
internal sealed class LogFile : IDisposable
{
    private const uint Mode = 0x1A0; // 0640, as other runtimes have it
    private readonly FileDescriptor _directory;
    private readonly LogSpec _spec;
    private FileDescriptor _file;

    private LogFile(FileDescriptor directory, LogSpec spec)
    {
        _directory = directory;
        _spec = spec;
        _file = OpenFile();
    }

    public string Path => System.IO.Path.Combine(_spec.Directory, _spec.Name);

    /// <exception cref="SandboxException">FAILED_PRECONDITION: there is no such directory, or the name leads out of it.</exception>
    public static LogFile Open(LogSpec spec)
    {
        FileDescriptor directory;
        try
        {
            directory = Files.Open(spec.Directory, OpenFlags.Path | OpenFlags.Directory);
        }
        catch (LinuxException e)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The log directory cannot be opened: {e.Message}.", e);
        }

        return Open(directory, spec);
    }

    /// <summary>The file in a directory that is open already.</summary>
    /// <param name="directory">Closed with the log, or when this throws.</param>
    /// <exception cref="SandboxException">FAILED_PRECONDITION: the name leads out of it.</exception>
    public static LogFile Open(FileDescriptor directory, LogSpec spec)
    {
        try
        {
            return new LogFile(directory, spec);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>write(2), which may write less: on a full disk 0 with ENOSPC.</summary>
    public int Write(ReadOnlySpan<byte> bytes, out Errno errno) => Math.Max(0, Files.TryWrite(_file, bytes, out errno));

    /// <summary>Goes on in a new file under the same name, which a rotation has moved away.</summary>
    public void Reopen()
    {
        var file = OpenFile();
        _file.Dispose();
        _file = file;
    }

    public void Dispose()
    {
        _file.Dispose();
        _directory.Dispose();
    }

    private FileDescriptor OpenFile()
    {
        // Non-blocking: the open of a FIFO that somebody put there would wait for a reader for ever.
        var file = Files.TryOpenAt2(
            _directory,
            _spec.Name,
            OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Append | OpenFlags.NonBlocking | OpenFlags.NoTerminal,
            ResolveFlags.Beneath | ResolveFlags.NoSymlinks | ResolveFlags.NoMagicLinks,
            Mode,
            out var errno);
        if (file is null)
        {
            throw new SandboxException(RpcCode.FailedPrecondition, $"The log {Path} cannot be opened: {errno.Describe()}{Advice(errno)}.");
        }

        if (Files.Status(file).Type != FileType.Regular)
        {
            file.Dispose();
            throw new SandboxException(RpcCode.FailedPrecondition, $"The log {Path} is no regular file.");
        }

        return file;
    }

    private static string Advice(Errno errno) => errno switch
    {
        Errno.ELOOP => "; a log is never opened through a symlink",
        Errno.EXDEV => "; the name leads out of the log directory",
        _ => "",
    };
}
