using Xunit;

namespace Crisp.Images.Tests.References;

public sealed class DigestTests
{
    private const string Empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Fact]
    public void DigestOfNothing_IsTheKnownOne() => Assert.Equal($"sha256:{Empty}", Digest.Of([]).ToString());

    [Theory]
    [InlineData("sha256:" + Empty, true)]
    [InlineData(Empty, false)]
    [InlineData("sha256:../../../../../../../../../../../../../../../../../../../etc/passwd1", false)]
    [InlineData("sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", false)]
    [InlineData("sha512:" + Empty, false)]
    [InlineData("sha256:" + Empty + "0", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Form_IsStrict(string? text, bool good)
    {
        Assert.Equal(good, Digest.TryParse(text, out _));
        if (!good)
        {
            Assert.Throws<ImageException>(() => Digest.Parse(text));
        }
    }
}
