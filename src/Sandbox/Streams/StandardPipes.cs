using Crisp.Linux;
using Crisp.Sandbox.Launch;

namespace Crisp.Sandbox.Streams;

/// <summary>Pipes for a process's standard streams: its ends, which are closed once it runs, and ours, which do not block.</summary>
internal sealed class StandardPipes : IDisposable
{
    /// <summary>The process's ends.</summary>
    public StandardStreams Child { get; private set; } = new(null, null, null);

    /// <summary>Our ends. Whoever takes one sets it to null here.</summary>
    public FileDescriptor? Stdin { get; set; }

    public FileDescriptor? Stdout { get; set; }

    public FileDescriptor? Stderr { get; set; }

    /// <param name="owner">
    /// The process's user as the node has it. It opens /dev/stdout anew, as images that log to a link do, only if the pipe is its own.
    /// </param>
    public static StandardPipes Create(bool stdin, bool stdout, bool stderr, uint owner)
    {
        var pipes = new StandardPipes();
        try
        {
            pipes.Make(stdin, stdout, stderr);
            pipes.GiveTo(owner);
            return pipes;
        }
        catch
        {
            pipes.Dispose();
            throw;
        }
    }

    /// <summary>The process has them, or never will: as long as they are open here too, nobody would see its end.</summary>
    public void CloseChild()
    {
        Child.Stdin?.Dispose();
        Child.Stdout?.Dispose();
        Child.Stderr?.Dispose();
        Child = new StandardStreams(null, null, null);
    }

    public void Dispose()
    {
        CloseChild();
        Stdin?.Dispose();
        Stdout?.Dispose();
        Stderr?.Dispose();
    }

    private void Make(bool stdin, bool stdout, bool stderr)
    {
        if (stdin)
        {
            var (read, write) = Pipes.Create();
            Stdin = write;
            Child = Child with { Stdin = read };
            Files.SetNonBlocking(write, true);
        }

        if (stdout)
        {
            var (read, write) = Pipes.Create();
            Stdout = read;
            Child = Child with { Stdout = write };
            Files.SetNonBlocking(read, true);
        }

        if (stderr)
        {
            var (read, write) = Pipes.Create();
            Stderr = read;
            Child = Child with { Stderr = write };
            Files.SetNonBlocking(read, true);
        }
    }

    private void GiveTo(uint owner)
    {
        const long Unchanged = -1;
        foreach (var end in (ReadOnlySpan<FileDescriptor?>)[Child.Stdin, Child.Stdout, Child.Stderr])
        {
            if (end is not null && owner != 0)
            {
                Files.Fchown(end, owner, Unchanged);
            }
        }
    }
}
