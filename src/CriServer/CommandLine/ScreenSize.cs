using Crisp.Linux;

namespace Crisp.CriServer.CommandLine;

/// <summary>How much a terminal shows.</summary>
internal readonly record struct ScreenSize(int Columns, int Rows)
{
    /// <summary>Of the terminal behind a descriptor; null where there is none.</summary>
    public static ScreenSize? Of(int descriptor)
    {
        using var file = new FileDescriptor(descriptor, ownsHandle: false);
        try
        {
            var (columns, rows) = Terminals.GetSize(file);

            // 0 is a terminal that does not know, such as a serial line.
            return new ScreenSize(columns == 0 ? 80 : columns, rows == 0 ? 24 : rows);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    /// <summary>What of a line fits: a longer one would take two, and what is drawn above it would not be found again.</summary>
    public ReadOnlySpan<char> Cut(string line) => line.AsSpan(0, Math.Min(line.Length, Columns));
}
