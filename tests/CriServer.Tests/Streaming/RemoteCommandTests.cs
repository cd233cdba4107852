using System.Text;
using CsCheck;
using Crisp.CriServer.Streaming.RemoteCommands;
using Crisp.CriServer.Tests.Streaming.Spdy;
using Xunit;

namespace Crisp.CriServer.Tests.Streaming;

public sealed class RemoteCommandTests
{
    [Theory]
    [InlineData(0, """{"metadata":{},"status":"Success"}""")]
    [InlineData(7, """{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 7","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}""")]
    public void Status_IsKubernetes(int code, string json)
        => Assert.Equal(json, Encoding.UTF8.GetString(CommandStatus.Exited(code).ToJson()));

    [Fact]
    public void StatusOfAFailure_SaysWhy()
        => Assert.Equal(
            """{"metadata":{},"status":"Failure","message":"no","reason":"InternalError","details":{"causes":[{"message":"no"}]},"code":500}""",
            Encoding.UTF8.GetString(CommandStatus.Failed("no").ToJson()));

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public async Task Sizes_AreReadInPiecesOfAnyLength(int piece)
    {
        var sizes = await ReadAsync("{\"Width\":80,\"Height\":24}\n{\"Width\":1,\"Height\":65535}{\"Height\":2,\"Width\":3}", piece);
        Assert.Equal([(80, 24), (1, 65535), (3, 2)], sizes);
    }

    [Theory]
    [InlineData("{\"Width\":80}")]
    [InlineData("{\"Width\":65536,\"Height\":1}")]
    [InlineData("[1]")]
    [InlineData("}")]
    public async Task WhatIsNoSize_IsRefused(string text)
        => await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(text, 1000));

    [Fact]
    public async Task SizeWithoutEnd_IsRefused()
        => await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync("{\"Width\":" + new string(' ', 4096), 1000));

    [Fact]
    public void AnyBytes_AreSizesOrRefused()
        => Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            try
            {
                ReadAsync(Encoding.Latin1.GetString(bytes), 7).GetAwaiter().GetResult();
            }
            catch (InvalidDataException)
            {
                // Refused.
            }
        });

    private static async Task<List<(int Width, int Height)>> ReadAsync(string text, int piece)
    {
        var sizes = new List<(int Width, int Height)>();
        await using var stream = new ScriptedTransport(Encoding.Latin1.GetBytes(text), piece);
        await foreach (var (width, height) in TerminalSizes.ReadAsync(stream, TestContext.Current.CancellationToken))
        {
            sizes.Add((width, height));
        }

        return sizes;
    }
}
