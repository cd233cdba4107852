using System.Reflection;
using System.Runtime.CompilerServices;
using Crisp.Kvm.Interop.Fuse;
using Crisp.Linux.Tests.Interop;
using Xunit;

namespace Crisp.Kvm.Tests.Interop;

/// <summary>Structures, operations, flags and constants are those of linux/fuse.h.</summary>
public sealed class FuseHeaderTests
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
    private static readonly string[] s_headers = ["stddef.h", "linux/fuse.h"];
    private static readonly Type[] s_types = [.. typeof(FuseOpcode).Assembly.GetTypes().Where(t => t.Namespace == typeof(FuseOpcode).Namespace)];

    /// <summary>Arrays within structures have no names in C.</summary>
    public static TheoryData<string> Structs
        => [.. s_types.Where(t => t is { IsValueType: true, IsEnum: false } && !t.IsDefined(typeof(InlineArrayAttribute))).Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_HasTheMembersOfTheHeader(string structure)
    {
        var type = s_types.Single(t => t.Name == structure);
        var fields = type.GetFields(Fields);
        var size = $"sizeof(struct {structure})";

        var c = CProgram.Evaluate(s_headers, [.. fields.SelectMany(f => new[] { StructTests.OffsetOf(structure, f.Name), StructTests.SizeOf(structure, f.Name) }), size]);

        Assert.All(fields, f => Assert.Equal(
            (f.Name, c[StructTests.OffsetOf(structure, f.Name)], c[StructTests.SizeOf(structure, f.Name)]),
            (f.Name, StructTests.Offset(type, f), StructTests.SizeOf(f.FieldType))));
        Assert.Equal(c[size], StructTests.SizeOf(type));
    }

    [Theory]
    [InlineData(nameof(FuseOpcode), "enum FUSE_")]
    [InlineData(nameof(FuseInitFlags), "FUSE_")]
    [InlineData(nameof(FuseSetAttributes), "FATTR_")]
    public void Enumeration_HasTheValuesOfTheHeader(string name, string prefix)
    {
        var type = s_types.Single(t => t.Name == name);
        var c = CProgram.Evaluate(s_headers, Enum.GetNames(type).Select(n => prefix + n));

        Assert.Equal(Enum.GetNames(type).Select(n => $"{n} {c[prefix + n]}"), Enum.GetNames(type).Select(n => $"{n} {Convert.ToInt64(Enum.Parse(type, n))}"));
    }

    [Fact]
    public void Constants_AreThoseOfTheHeader()
    {
        var constants = typeof(FuseConstant).GetFields(BindingFlags.Static | BindingFlags.NonPublic);

        var c = CProgram.Evaluate(s_headers, constants.Select(f => f.Name));

        Assert.NotEmpty(constants);
        Assert.Equal(constants.Select(f => $"{f.Name} {c[f.Name]}"), constants.Select(f => $"{f.Name} {Convert.ToInt64(f.GetRawConstantValue())}"));
    }
}
