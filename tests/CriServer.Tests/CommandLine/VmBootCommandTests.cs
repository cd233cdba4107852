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

    [Theory]
    [InlineData("data=/srv/data", "data", "/srv/data", false)]
    [InlineData("hosts=/etc/hosts:ro", "hosts", "/etc/hosts", true)]
    [InlineData("a=/b=c", "a", "/b=c", false)]
    public void Share_IsANameAndAPath(string text, string name, string path, bool isReadOnly)
        => Assert.Equal(new VmShare(name, path, isReadOnly), VmBootCommand.Share(text));

    [Theory]
    [InlineData("")]
    [InlineData("data")]
    [InlineData("=/srv")]
    [InlineData("data=:ro")]
    public void ShareWithoutANameOrAPath_IsRefused(string text)
        => Assert.Equal($"--share {text}: give NAME=PATH or NAME=PATH:ro.", Assert.Throws<CommandException>(() => VmBootCommand.Share(text)).Message);
}
