using Crisp.Images.Registry.Auth;
using Xunit;

namespace Crisp.Images.Tests.Registry.Auth;

public sealed class ChallengeTests
{
    [Theory]
    [InlineData("realm=\"https://a/token\",service=\"a\",scope=\"repository:x:pull,push\"", "realm=https://a/token|service=a|scope=repository:x:pull,push")]
    [InlineData("Realm = \"a\" , service=b c=d", "realm=a|service=b|c=d")]
    [InlineData("realm=\"a\\\"b\\\\c\"", "realm=a\"b\\c")]
    [InlineData("realm=\"never ends", "realm=never ends")]
    [InlineData("realm=\"ends in \\", "realm=ends in \\")]
    [InlineData("realm=", "realm=")]
    [InlineData("=x", "")]
    [InlineData("nonsense", "")]
    [InlineData("", "")]
    public void Parameters_AreRead(string text, string expected)
        => Assert.Equal(expected, string.Join('|', Challenge.Parse(text).Select(p => $"{p.Key}={p.Value}")));
}
