using Crisp.CriServer.CommandLine;
using Crisp.CriServer.CommandLine.Vm;
using Crisp.Sandbox.Vm;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

public sealed class VmBootCommandTests
{
    [Theory]
    [InlineData("/a/disk.img", "/a/disk.img", false)]
    [InlineData("/a/disk.img:ro", "/a/disk.img", true)]
    [InlineData("/a/b:c", "/a/b:c", false)]
    public void Disk_IsAPathAndWhetherItIsReadOnly(string text, string path, bool isReadOnly) => Assert.Equal(new VmDisk(path, isReadOnly), VmBootCommand.Disk(text));

    [Theory]
    [InlineData("")]
    [InlineData(":ro")]
    public void DiskWithoutAPath_IsRefused(string text)
        => Assert.Equal($"--disk {text}: give FILE or FILE:ro.", Assert.Throws<CommandException>(() => VmBootCommand.Disk(text)).Message);
}
