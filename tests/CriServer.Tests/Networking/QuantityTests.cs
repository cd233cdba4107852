using System.Globalization;
using Crisp.CriServer.Networking;
using CsCheck;
using Xunit;

namespace Crisp.CriServer.Tests.Networking;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("1000", 1000)]
    [InlineData("+10k", 10_000)]
    [InlineData("10M", 10_000_000)]
    [InlineData("1Gi", 1_073_741_824)]
    [InlineData("1.5G", 1_500_000_000)]
    [InlineData(".5k", 500)]
    [InlineData("2e6", 2_000_000)]
    [InlineData("2E6", 2_000_000)]
    [InlineData("25e-1", 3)]
    [InlineData("1500m", 2)]
    [InlineData("1P", 1_000_000_000_000_000)]
    [InlineData("1E", 1_000_000_000_000_000_000)]
    public void Quantity_IsReadAsKubernetesReadsIt(string text, ulong value)
    {
        Assert.True(Quantity.TryParse(text, out var read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("M")]
    [InlineData("-1")]
    [InlineData("10 M")]
    [InlineData("10m0")]
    [InlineData("10ki")]
    [InlineData("1,5M")]
    [InlineData("0x10")]
    [InlineData("1e999")]
    [InlineData("99E")]
    [InlineData("99999999999999999999999")]
    [InlineData("10M\n")]
    [InlineData("١٠M")]
    public void OtherText_IsNoQuantity(string text) => Assert.False(Quantity.TryParse(text, out _));

    [Fact]
    public void WholeNumbers_ComeBack() => Gen.ULong.Sample(n => Quantity.TryParse(n.ToString(CultureInfo.InvariantCulture), out var read) && read == n);

    [Fact]
    public void AnyText_IsReadOrRefused() => Gen.String.Sample(text => Quantity.TryParse(text, out var value) || value == 0);
}
