using System.Text.Json;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Protocol;

public sealed class EnumNameConverterTests
{
    private static readonly JsonSerializerOptions _options = new() { Converters = { new EnumNameConverter<PidNamespace>() } };

    [Theory]
    [InlineData(PidNamespace.Container)]
    [InlineData(PidNamespace.Target)]
    public void Name_IsReadAsItIsWritten(PidNamespace value)
    {
        var json = JsonSerializer.Serialize(value, _options);

        Assert.Equal($"\"{value}\"", json);
        Assert.Equal(value, JsonSerializer.Deserialize<PidNamespace>(json, _options));
    }

    [Theory]
    [InlineData("\"pod\"")]
    [InlineData("\"1\"")]
    [InlineData("\"Pod, Node\"")]
    [InlineData("\" Pod\"")]
    [InlineData("\"\"")]
    public void WhatIsNoName_IsRefused(string json)
    {
        var error = Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<PidNamespace>(json, _options));

        Assert.Equal($"{json} is none of Container, Pod, Node, Target.", error.Message);
    }
}
