using Crisp.Linux;
using Crisp.Sandbox.Protocol;

namespace Crisp.Sandbox.Launch;

/// <summary>/etc/passwd or /etc/group of a container: lines of fields with colons between, written by whoever made the image.</summary>
internal static class AccountFile
{
    /// <summary>Bytes that a file may have; the rest of an image's lies is cheap to read (CVE-2026-47262, CVE-2025-4437).</summary>
    internal const long LargestFile = 10 << 20;

    /// <summary>Bytes that a line may have: a group with some thousand members.</summary>
    internal const int LongestLine = 64 << 10;

    /// <summary>Takes a line without its end.</summary>
    /// <returns>False to read no further.</returns>
    internal delegate bool LineReader(ReadOnlySpan<byte> line);

    /// <summary>Gives the lines one after the other. A file that is not there has none.</summary>
    /// <exception cref="SandboxException">InvalidArgument: not a regular file, or too large.</exception>
    internal static void Read(FileDescriptor? rootfs, string path, LineReader reader)
    {
        if (rootfs is null)
        {
            return;
        }

        // Opening a device or a FIFO can have effects or block: O_PATH shows what it is without opening it.
        using var found = Files.TryOpenAt2(
            rootfs, path, OpenFlags.Path, ResolveFlags.InRoot | ResolveFlags.NoMagicLinks, 0, out var errno);
        if (found is null)
        {
            if (errno is Errno.ENOENT or Errno.ENOTDIR)
            {
                return;
            }

            throw Unusable(path, errno.Describe());
        }

        var status = Files.Status(found);
        if (status.Type != FileType.Regular)
        {
            throw Unusable(path, $"it is no regular file but a {status.Type}");
        }

        if (status.Size > LargestFile)
        {
            throw Unusable(path, $"it has {status.Size} bytes, and more than {LargestFile} are not read");
        }

        using var file = Files.Open(found.ProcPath, OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        ReadLines(file, path, reader);
    }

    /// <summary>The fields of a line, at most as many as fit.</summary>
    /// <returns>How many there are.</returns>
    internal static int Split(ReadOnlySpan<byte> line, Span<Range> fields)
    {
        var count = 0;
        foreach (var field in line.Split((byte)':'))
        {
            if (count == fields.Length)
            {
                break;
            }

            fields[count++] = field;
        }

        return count;
    }

    private static void ReadLines(FileDescriptor file, string path, LineReader reader)
    {
        var buffer = new byte[4096];
        var filled = 0;
        var total = 0L;
        while (true)
        {
            var count = Files.Read(file, buffer.AsSpan(filled));
            total += count;
            if (total > LargestFile)
            {
                throw Unusable(path, $"it grew beyond {LargestFile} bytes");
            }

            var rest = buffer.AsSpan(0, filled + count);
            for (int end; (end = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
            {
                if (!reader(rest[..end]))
                {
                    return;
                }
            }

            if (count == 0)
            {
                if (!rest.IsEmpty)
                {
                    reader(rest);
                }

                return;
            }

            if (rest.Length == buffer.Length)
            {
                buffer = Enlarge(buffer, path);
            }
            else
            {
                rest.CopyTo(buffer);
            }

            filled = rest.Length;
        }
    }

    private static byte[] Enlarge(byte[] buffer, string path)
    {
        if (buffer.Length >= LongestLine)
        {
            throw Unusable(path, $"a line in it has more than {LongestLine} bytes");
        }

        Array.Resize(ref buffer, 2 * buffer.Length);
        return buffer;
    }

    private static SandboxException Unusable(string path, string why)
        => new(RpcCode.InvalidArgument, $"The container's /{path} cannot be read: {why}.");
}
