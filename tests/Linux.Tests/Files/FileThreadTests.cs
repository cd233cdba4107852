using Xunit;

namespace Crisp.Linux.Tests;

public sealed class FileThreadTests
{
    [Fact]
    public void Descriptors_LeadToOpenFilesAndNowhereElse()
    {
        Root.Required();
        using var temporary = new TemporaryDirectory();
        File.WriteAllText(temporary.File("file"), "content");
        using var file = Files.Open(temporary.File("file"), OpenFlags.Path);
        using var descriptors = FileThread.OpenDescriptors();
        using var above = Files.OpenAt(descriptors, "../../..", OpenFlags.Path | OpenFlags.Directory);

        Assert.Equal(Files.Status(descriptors).MountId, Files.Status(above).MountId);
        Assert.Equal(Files.Status(descriptors).Inode, Files.Status(above).Inode);
        using var again = Files.OpenAt(descriptors, $"{file.Number}", OpenFlags.ReadOnly);
        Assert.Equal(Files.Status(file).Inode, Files.Status(again).Inode);
    }
}
