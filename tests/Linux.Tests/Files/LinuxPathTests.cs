using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Xunit;

namespace Crisp.Linux.Tests;

public sealed class LinuxPathTests
{
    [Fact]
    public void EveryName_SurvivesTheWayThereAndBack()
        => Gen.Byte[1, 255].Array[0, 40].Sample(name => Assert.Equal(name, LinuxPath.Encode(LinuxPath.Decode(name))));

    [Fact]
    public void BytesThatAreAlmostUtf8_SurviveTheWayThereAndBack()
    {
        // Pieces of characters, overlong forms, surrogates and what lies beyond U+10FFFF.
        byte[][] pieces =
            [[0xC3, 0xA9], [0xC3], [0xA9], [0xE2, 0x82], [0xF0, 0x9F, 0x98, 0x80], [0xF0, 0x9F], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xED, 0xB2, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x2F]];

        Gen.Int[0, pieces.Length - 1].Array[0, 12].Select(p => p.SelectMany(i => pieces[i]).ToArray())
            .Sample(name => Assert.Equal(name, LinuxPath.Encode(LinuxPath.Decode(name))));
    }

    [Fact]
    public void Text_IsUtf8()
        => Gen.String.Where(s => !s.Contains('\0') && !s.Any(char.IsSurrogate))
            .Sample(text => Assert.Equal(Encoding.UTF8.GetBytes(text), LinuxPath.Encode(text)));

    [Theory]
    [InlineData(@"a\0b", "NUL")]
    [InlineData(@"a\uD83D", "U+D83D")]
    [InlineData(@"\uDC7F", "U+DC7F")]
    [InlineData(@"\uDD00b", "U+DD00")]
    public void WhatStandsForNoBytes_IsRefused(string escaped, string reason)
        => Assert.Contains(reason, Assert.Throws<ArgumentException>(() => LinuxPath.Encode(Regex.Unescape(escaped))).Message);

    [Fact]
    public void LongNames_ReachTheKernelWhole()
    {
        // Beyond the marshaller's buffer on the stack.
        using var temporary = new TemporaryDirectory();
        var deep = string.Join('/', Enumerable.Repeat(new string('d', 200), 5));
        Directory.CreateDirectory(temporary.File(deep));

        using var directory = Files.Open(temporary.File(deep), OpenFlags.Directory);

        Assert.Equal(temporary.File(deep), Files.ReadlinkAt(FileDescriptor.CurrentDirectory, directory.ProcPath));
    }
}
