using System.Reflection;
using System.Runtime.CompilerServices;
using Crisp.Kvm.Interop;
using Crisp.Linux;
using Crisp.Linux.Tests.Interop;
using Xunit;

namespace Crisp.Kvm.Tests.Interop;

/// <summary>Requests, constants and enumerations are those of linux/kvm.h.</summary>
public sealed class HeaderTests
{
    private const BindingFlags Declared = BindingFlags.Static | BindingFlags.NonPublic;
    private static readonly string[] s_headers = ["linux/kvm.h"];

    [Fact]
    public void EveryRequest_HasTheNumberOfTheHeader()
    {
        var requests = typeof(KvmIoctl).GetFields(Declared).Where(f => f.FieldType == typeof(IoctlRequest))
            .Select(f => (f.Name, Request: (IoctlRequest)f.GetValue(null)!)).ToList();

        var c = CProgram.Evaluate(s_headers, requests.Select(r => r.Name));

        Assert.NotEmpty(requests);
        Assert.Equal(requests.Select(r => $"{r.Name} {c[r.Name]:x}"), requests.Select(r => $"{r.Request.Name} {r.Request.Number:x}"));
    }

    [Theory]
    [InlineData(typeof(KvmCapability), "KVM_CAP_")]
    [InlineData(typeof(KvmExitReason), "KVM_EXIT_")]
    public void Enumeration_HasTheValuesOfTheHeader(Type type, string prefix)
    {
        var c = CProgram.Evaluate(s_headers, Enum.GetNames(type).Select(n => prefix + n));

        Assert.Equal(Enum.GetNames(type).Select(n => $"{n} {c[prefix + n]}"), Enum.GetNames(type).Select(n => $"{n} {Convert.ToInt64(Enum.Parse(type, n))}"));
    }

    [Fact]
    public void EveryConstantOfAStructure_IsThatOfTheHeader()
    {
        var constants = StructTests.Declared.SelectMany(t => t.GetFields(Declared)).Where(f => f.IsLiteral && f.Name.StartsWith("KVM_", StringComparison.Ordinal)).ToList();

        var c = CProgram.Evaluate(s_headers, constants.Select(f => f.Name));

        Assert.NotEmpty(constants);
        Assert.Equal(constants.Select(f => $"{f.Name} {c[f.Name]}"), constants.Select(f => $"{f.Name} {Convert.ToInt64(f.GetRawConstantValue())}"));
    }
}

/// <summary>Every structure has C's size, offsets and widths.</summary>
public sealed class StructTests
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Arrays within structures; C has no names for their types.</summary>
    private static readonly Type[] s_arrays = [.. AllStructs().Where(t => t.IsDefined(typeof(InlineArrayAttribute)))];

    internal static IEnumerable<Type> Declared => AllStructs().Except(s_arrays);

    public static TheoryData<string> Structs => [.. Declared.Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_HasTheMembersOfTheHeader(string structure)
    {
        var type = Declared.Single(t => t.Name == structure);
        var members = type.GetFields(Fields).ToDictionary(f => CName(structure, f.Name));

        // struct kvm_run goes on with registers that the monitor does not share with the kernel.
        var size = structure == nameof(kvm_run) ? OffsetOf(structure, "kvm_valid_regs") : $"sizeof(struct {structure})";
        var c = CProgram.Evaluate(["linux/kvm.h"], [.. members.Keys.SelectMany(m => new[] { OffsetOf(structure, m), SizeOf(structure, m) }), size]);

        Assert.All(members, m => Assert.Equal(
            (m.Key, c[OffsetOf(structure, m.Key)], c[SizeOf(structure, m.Key)]), (m.Key, Offset(type, m.Value), SizeOf(m.Value.FieldType))));
        Assert.Equal(c[size], SizeOf(type));
    }

    private static IEnumerable<Type> AllStructs()
        => typeof(KvmIoctl).Assembly.GetTypes().Where(t => t.Namespace == typeof(KvmIoctl).Namespace && t is { IsValueType: true, IsEnum: false, DeclaringType: null });

    /// <summary>Members of kvm_run's union are union_member in C#.</summary>
    private static string CName(string structure, string field)
    {
        var union = new[] { "hw", "fail_entry", "io", "mmio", "internal", "emulation_failure", "system_event", "msr" }
            .FirstOrDefault(u => structure == nameof(kvm_run) && field.StartsWith(u + "_", StringComparison.Ordinal));
        return union is null ? field : $"{union}.{field[(union.Length + 1)..]}";
    }

    internal static string OffsetOf(string structure, string member) => $"offsetof(struct {structure}, {member})";

    internal static string SizeOf(string structure, string member) => $"sizeof(((struct {structure} *)0)->{member})";

    internal static long SizeOf(Type type) => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    internal static long Offset(Type type, FieldInfo field) => System.Runtime.InteropServices.Marshal.OffsetOf(type, field.Name);
}
