using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>pipe(7).</summary>
public static class Pipes
{
    /// <summary>pipe2(2) with O_CLOEXEC.</summary>
    public static (FileDescriptor Read, FileDescriptor Write) Create(bool nonBlocking = false)
    {
        Span<int> numbers = stackalloc int[2];
        var flags = OpenFlags.CloseOnExec | (nonBlocking ? OpenFlags.NonBlocking : 0);
        // SAFETY: pipe2 fills two ints, which live on this stack.
        unsafe
        {
            fixed (int* ends = numbers)
            {
                Check.Result(Libc.pipe2(ends, (int)flags), "pipe2");
            }
        }

        return (new FileDescriptor(numbers[0]), new FileDescriptor(numbers[1]));
    }
}
