using Xunit;

namespace Crisp.Cgroups.Tests;

public sealed class CgroupPathTests
{
    [Theory]
    [InlineData("/kubepods/besteffort/pod1/", "kubepods/besteffort/pod1")]
    [InlineData("kubepods-besteffort.slice", "kubepods-besteffort.slice")]
    [InlineData("cpu.slice", "cpu.slice")]
    [InlineData("a/..b", "a/..b")]
    public void Parse_Valid_IsRelative(string text, string value) => Assert.Equal(value, CgroupPath.Parse(text).Value);

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("..")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("a//b")]
    [InlineData("a\nb")]
    [InlineData("a\0b")]
    [InlineData("a/cgroup.procs")]
    [InlineData("memory.max")]
    public void Parse_Invalid_IsRefused(string text) => Assert.Throws<ArgumentException>(() => CgroupPath.Parse(text));

    [Fact]
    public void Parse_TooLong_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => CgroupPath.Parse(new string('a', 256)));
        Assert.Throws<ArgumentException>(() => CgroupPath.Parse(string.Join('/', Enumerable.Repeat("abcdefgh", 400))));
        Assert.Equal(255, CgroupPath.Parse(new string('a', 255)).Value.Length);
    }

    [Theory]
    [InlineData("a/b/c", "c", "a/b")]
    [InlineData("/a", "a", null)]
    public void Path_HasANameAndAParent(string path, string name, string? parent)
        => Assert.Equal((name, parent), (CgroupPath.Parse(path).Name, CgroupPath.Parse(path).Parent?.Value));

    [Fact]
    public void Child_WithSlash_IsRefused() => Assert.Throws<ArgumentException>(() => CgroupPath.Parse("a").Child("b/c"));
}
