using Crisp.Cgroups.Systemd;
using Xunit;

namespace Crisp.Cgroups.Tests.Systemd;

public sealed class SliceNameTests
{
    [Theory]
    [InlineData("crisp.slice", "crisp.slice")]
    [InlineData("kubepods-burstable-pod1_2.slice", "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice")]
    [InlineData("/kubepods.slice/kubepods-burstable.slice/", "kubepods.slice/kubepods-burstable.slice")]
    [InlineData("/a-b.slice", "a.slice/a-b.slice")]
    public void Slice_LiesWhereItsDashesSay(string text, string path)
    {
        var slice = SliceName.Parse(text);
        Assert.Equal(path, slice.Path.Value);
        Assert.Equal(path.Split('/')[^1], slice.Name);
    }

    [Theory]
    [InlineData("crisp", "does not end with .slice")]
    [InlineData("", "does not end with .slice")]
    [InlineData(".slice", "empty")]
    [InlineData("-.slice", "empty")]
    [InlineData("a--b.slice", "empty")]
    [InlineData("-a.slice", "empty")]
    [InlineData("a-.slice", "empty")]
    [InlineData("a b.slice", "letters, digits")]
    [InlineData("a\n.slice", "letters, digits")]
    [InlineData("x/a.slice", "systemd has a.slice at /a.slice")]
    [InlineData("b.slice/a-b.slice", "systemd has a-b.slice at /a.slice/a-b.slice")]
    [InlineData("../a.slice", "systemd has a.slice at /a.slice")]
    public void WhatIsNone_IsRefusedWithAReason(string text, string reason)
        => Assert.Contains(reason, Assert.Throws<ArgumentException>(() => SliceName.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void LongName_IsRefused()
        => Assert.Contains("255", Assert.Throws<ArgumentException>(() => SliceName.Parse(new string('a', 250) + ".slice")).Message, StringComparison.Ordinal);
}
