using Crisp.Images.Layers;
using Xunit;

namespace Crisp.Images.Tests.Layers;

public sealed class LayerPathTests
{
    [Theory]
    [InlineData("a", "a", "", "a")]
    [InlineData("./a/b/", "a/b", "a", "b")]
    [InlineData("/a//b/./c", "a/b/c", "a/b", "c")]
    [InlineData("a/b/../c", "a/c", "a", "c")]
    [InlineData("./", "", "", "")]
    [InlineData("a/..", "", "", "")]
    [InlineData("...", "...", "", "...")]
    public void Name_IsAPathBeneathTheRoot(string name, string text, string parent, string last)
    {
        var path = LayerPath.Parse(name);
        Assert.Equal((text, parent, last), (path.Text, path.Parent.Text, path.Name));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("/..")]
    [InlineData("a/../..")]
    [InlineData("a\0b")]
    public void NameThatLeadsOutOrHasANul_IsRefused(string name) => Assert.Throws<ImageException>(() => LayerPath.Parse(name));
}
