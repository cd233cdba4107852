using Crisp.CriServer.Configuration;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.Configuration;

public sealed class NearestNameTests
{
    private static readonly Gen<string> _word = Gen.Char["abAB"].Array[0, 6].Select(c => new string(c));

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("root", "ROOT", 0)]
    [InlineData("levle", "level", 1)]
    [InlineData("rot", "root", 1)]
    [InlineData("rooot", "root", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    public void Distance_CountsChanges(string left, string right, int distance) => Assert.Equal(distance, NearestName.Distance(left, right));

    [Fact]
    public void Distance_IsSymmetricAndZeroOnlyForTheSame() => Gen.Select(_word, _word).Sample((a, b) =>
    {
        Assert.Equal(NearestName.Distance(a, b), NearestName.Distance(b, a));
        Assert.Equal(string.Equals(a, b, StringComparison.OrdinalIgnoreCase), NearestName.Distance(a, b) == 0);
        Assert.InRange(NearestName.Distance(a, b), Math.Abs(a.Length - b.Length), Math.Max(a.Length, b.Length));
    });
}
