using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using Xunit;

namespace Crisp.Network.Tests;

public sealed class CniResultReaderTests
{
    public static TheoryData<string> Good => [.. Corpus.Names("good-")];

    public static TheoryData<string> Bad => [.. Corpus.Names("bad-")];

    [Theory]
    [MemberData(nameof(Good))]
    public void GoodResult_IsReadAndSurvivesTheWayToTheNextPlugin(string name)
    {
        var result = Read(Corpus.Read(name));

        foreach (var version in CniVersion.Known)
        {
            var again = CniResultReader.Read(Encoding.UTF8.GetBytes(PreviousResult.In(result, version).GetRawText()), version);
            Assert.Equal(result.Ips, again.Ips);
            Assert.Equal(result.Interfaces, again.Interfaces);
            Assert.Equal(result.Routes, again.Routes);
            Assert.Equal(version.ToString(), again.Json.GetProperty("cniVersion").GetString());
        }
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void BadOutput_IsRefusedInPrintableWords(string name)
    {
        var error = Assert.Throws<CniException>(() => Read(Corpus.Read(name)));

        Assert.Matches("^(printed|answered) ", error.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.InRange(error.Message.Length, 10, 600);
    }

    [Fact]
    public void DualStack_GivesBothAddressesInTheirOrder()
    {
        var result = Read(Corpus.Read("good-bridge-1.0.0.json"));

        Assert.Equal([IPAddress.Parse("10.1.0.5"), IPAddress.Parse("fd00:1::5")], result.AddressesOf("eth0"));
        Assert.Empty(result.AddressesOf("cni0"));
        Assert.Equal(IPAddress.Parse("10.1.0.1"), result.Ips[0].Gateway);
        Assert.Equal(["10.1.0.1"], result.Dns.Nameservers);
    }

    [Fact]
    public void AddressWithoutInterface_IsThePods()
        => Assert.Equal(
            [IPAddress.Parse("192.168.3.4"), IPAddress.Parse("fd00::1234")], Read(Corpus.Read("good-no-interface-index.json")).AddressesOf("eth0"));

    [Fact]
    public void PreviousResult_HasTheFamilyOnlyWhereTheVersionWantsIt()
    {
        var result = Read(Corpus.Read("good-bridge-1.0.0.json"));

        var old = PreviousResult.In(result, CniVersion.V040).GetProperty("ips");
        Assert.Equal(["4", "6"], old.EnumerateArray().Select(ip => ip.GetProperty("version").GetString()));
        var back = PreviousResult.In(Read(Encoding.UTF8.GetBytes(PreviousResult.In(result, CniVersion.V040).GetRawText())), CniVersion.V100);
        Assert.DoesNotContain(back.GetProperty("ips").EnumerateArray(), ip => ip.TryGetProperty("version", out _));
    }

    [Fact]
    public void UnknownMembers_ReachTheNextPlugin()
    {
        var result = Read(Corpus.Read("good-1.1.0.json"));

        Assert.Equal("""{"deep":[1,2,3]}""", PreviousResult.In(result, CniVersion.V110).GetProperty("vendor").GetRawText());
        Assert.Equal(9000u, result.Interfaces[0].Mtu);
    }

    [Fact]
    public void AnyBytes_AreReadOrRefusedAsAResult()
        => Gen.Byte.Array[0, 200].Sample(bytes => ReadsOrRefuses(bytes), iter: 5000);

    [Fact]
    public void AnyDamageToAGoodResult_IsReadOrRefusedAsAResult()
    {
        var good = Corpus.Read("good-bridge-1.0.0.json");
        var damage = Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 40]);
        damage.Array[1, 5].Sample(steps =>
        {
            var bytes = good.ToList();
            foreach (var (at, value, cut) in steps)
            {
                bytes[Math.Min(at, bytes.Count - 1)] = value;
                bytes.RemoveRange(Math.Min(at, bytes.Count - 1), Math.Min(cut / 10, bytes.Count - Math.Min(at, bytes.Count - 1) - 1));
            }

            return ReadsOrRefuses([.. bytes]);
        }, iter: 5000);
    }

    [Fact]
    public void AnyJsonInTheMembers_IsReadOrRefusedAsAResult()
    {
        var scalar = Gen.OneOf(
            Gen.Const("null"), Gen.Const("true"), Gen.Const("-1"), Gen.Const("0"), Gen.Const("1e999"), Gen.Const("99999999999999999999999"),
            Gen.Const("\"10.0.0.3/24\""), Gen.Const("\"fd00::5/64\""), Gen.Const("\"eth0\""), Gen.Const("\"\\ud800\""),
            Gen.Double.Select(d => double.IsFinite(d) ? JsonSerializer.Serialize(d) : "0"), Gen.String.Select(s => JsonSerializer.Serialize(s)));
        var key = Words("name", "mac", "mtu", "sandbox", "address", "gateway", "interface", "dst", "gw", "nameservers", "search", "domain");
        var item = Gen.Select(key, scalar).Array[0, 4].Select(m => "{" + string.Join(",", m.DistinctBy(p => p.Item1).Select(p => $"\"{p.Item1}\":{p.Item2}")) + "}");
        var list = Gen.OneOf(item, scalar).Array[0, 3].Select(i => "[" + string.Join(",", i) + "]");
        var value = Gen.OneOf(list, item, scalar);
        var member = Gen.Select(Words("cniVersion", "interfaces", "ips", "routes", "dns"), value);
        member.Array[0, 5].Select(m => "{" + string.Join(",", m.DistinctBy(p => p.Item1).Select(p => $"\"{p.Item1}\":{p.Item2}")) + "}")
            .Sample(json => ReadsOrRefuses(Encoding.UTF8.GetBytes(json)), iter: 5000);
    }

    private static Gen<string> Words(params string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);

    private static bool ReadsOrRefuses(byte[] bytes)
    {
        try
        {
            var result = Read(bytes);
            PreviousResult.In(result, CniVersion.V040);
            return result.AddressesOf("eth0").Count <= result.Ips.Count;
        }
        catch (CniException e)
        {
            return !e.Message.Any(char.IsControl);
        }
    }

    private static CniResult Read(byte[] bytes) => CniResultReader.Read(bytes, CniVersion.V100);
}
