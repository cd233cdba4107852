using System.Text;
using Xunit;

namespace Crisp.Network.Tests;

public sealed class CniErrorTests
{
    [Fact]
    public void ErrorStructure_IsRead()
    {
        var error = Read("""{"cniVersion":"1.0.0","code":7,"msg":"Invalid Configuration","details":"too small"}""");

        Assert.Equal(new CniError(7, "Invalid Configuration", "too small"), error);
        Assert.Equal("Invalid Configuration (too small) [code 7]", error!.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("panic: runtime error")]
    [InlineData("[1]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"msg":7}""")]
    [InlineData("""{"msg":"\ud800"}""")]
    public void OtherOutput_IsNoErrorStructure(string output) => Assert.Null(Read(output));

    [Theory]
    [InlineData("""{"code":99999999999999999999999,"msg":"m"}""")]
    [InlineData("""{"code":"seven","msg":"m"}""")]
    [InlineData("""{"code":1.5,"msg":"m"}""")]
    public void CodeThatIsNoNumber_CostsOnlyTheCode(string output) => Assert.Equal(new CniError(0, "m", ""), Read(output));

    [Fact]
    public void Words_CannotForgeLogLines()
    {
        var error = Read("""{"code":100,"msg":"a\nlevel=error \u001b[31mb\u0000","details":"c\r\nd"}""");

        Assert.Equal("a level=error ?[31mb? (c  d) [code 100]", error!.ToString());
        Assert.Equal(1001, Read($$"""{"msg":"{{new string('x', 5000)}}"}""")!.Message.Length);
    }

    [Theory]
    [InlineData(1, "incompatible", "newer plugin")]
    [InlineData(7, "bad subnet", "Correct /etc/cni/net.d/x.conflist")]
    [InlineData(11, "busy", "try again later")]
    [InlineData(100, "no IP addresses available in range set: 10.1.0.1-10.1.0.254", "Every address of the subnet is leased")]
    [InlineData(999, "failed to find plugin \"host-local\" in path [/opt/cni/bin]", "install it")]
    [InlineData(999, "failed to locate iptables: exec: \"iptables\": executable file not found in $PATH", "Install iptables")]
    public void Advice_SaysWhatToDo(long code, string message, string advice)
        => Assert.Contains(advice, CniAdvice.For(new CniError(code, message, ""), "/etc/cni/net.d/x.conflist"), StringComparison.Ordinal);

    [Fact]
    public void Advice_IsSilentWhereItKnowsNothing() => Assert.Empty(CniAdvice.For(new CniError(100, "own words", ""), "x"));

    private static CniError? Read(string text) => CniError.Read(Encoding.UTF8.GetBytes(text));
}
