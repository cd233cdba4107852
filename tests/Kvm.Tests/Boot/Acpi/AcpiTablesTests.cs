using System.Buffers.Binary;
using System.Text;
using Crisp.Kvm.Boot.Acpi;
using Crisp.Kvm.Memory;
using Crisp.Linux.Tests;
using Xunit;

namespace Crisp.Kvm.Tests.Boot.Acpi;

public sealed class AcpiTablesTests : IDisposable
{
    private readonly GuestMemory _memory = GuestMemory.Create(2 << 20);

    public AcpiTablesTests() => AcpiTables.Write(_memory, vcpus: 3, virtioDevices: 19);

    [Fact]
    public void EveryTable_HasItsChecksum_AndIsReachedFromTheRoot()
    {
        var root = _memory.Slice(0xE_0000, 36).ToArray();
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(root[..8]));
        Assert.Equal((0, 0), (Sum(root[..20]), Sum(root)));

        var xsdt = Table(BinaryPrimitives.ReadUInt64LittleEndian(root.AsSpan(24)));
        Assert.Equal(["FACP", "APIC"], Enumerable.Range(0, 2).Select(i => Name(Table(BinaryPrimitives.ReadUInt64LittleEndian(xsdt.AsSpan(36 + 8 * i))))));
        Assert.Equal("DSDT", Name(Table(BinaryPrimitives.ReadUInt64LittleEndian(Find("FACP").AsSpan(140)))));
    }

    [Fact]
    public void Processors_AndTheInterruptController_AreListed()
    {
        var madt = Find("APIC");
        Assert.Equal(0xFEE0_0000U, BinaryPrimitives.ReadUInt32LittleEndian(madt.AsSpan(36)));
        var entries = new List<byte[]>();
        for (var at = 44; at < madt.Length; at += madt[at + 1])
        {
            entries.Add(madt[at..(at + madt[at + 1])]);
        }

        Assert.Equal([0, 1, 2], entries.Where(e => e[0] == 0).Select(e => (int)e[3]));
        Assert.Equal(0xFEC0_0000U, BinaryPrimitives.ReadUInt32LittleEndian(entries.Single(e => e[0] == 1).AsSpan(4)));
    }

    [Fact]
    public void ResetAndSleep_AreWhereTheDevicesAre()
    {
        var fadt = Find("FACP");
        Assert.Equal(276, fadt.Length);
        Assert.Equal(1U << 20 | 1 << 10, BinaryPrimitives.ReadUInt32LittleEndian(fadt.AsSpan(112)) & (1U << 20 | 1 << 10));
        Assert.Equal((1, 0x64UL, 0xFE), (fadt[116], BinaryPrimitives.ReadUInt64LittleEndian(fadt.AsSpan(120)), fadt[128]));
        Assert.Equal((1, 0x600UL), (fadt[244], BinaryPrimitives.ReadUInt64LittleEndian(fadt.AsSpan(248))));
        Assert.Equal((1, 0x601UL), (fadt[256], BinaryPrimitives.ReadUInt64LittleEndian(fadt.AsSpan(260))));
    }

    [Fact]
    public void Dsdt_IsUnderstoodByAnotherProgram()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/iasl"), "needs iasl (Debian: acpica-tools)");
        using var directory = new TemporaryDirectory();
        File.WriteAllBytes(directory.File("dsdt.aml"), Table(BinaryPrimitives.ReadUInt64LittleEndian(Find("FACP").AsSpan(140))));
        Tool.Run("/usr/bin/iasl", directory.Path, "-d", "dsdt.aml");

        var source = File.ReadAllText(directory.File("dsdt.dsl"));
        Assert.Contains("Name (_HID, EisaId (\"PNP0501\")", source, StringComparison.Ordinal);
        Assert.Contains("Device (V018)", source, StringComparison.Ordinal);
        Assert.Equal(19, source.Split("Name (_HID, \"LNRO0005\")").Length - 1);
        Assert.Contains("0xD0012000,", source, StringComparison.Ordinal);
        Assert.Contains("Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, )", source, StringComparison.Ordinal);
        Assert.Matches(@"Name \(\\_S5, Package \(0x01\)[^{]*\{\s*0x05\s*\}", source);
    }

    [Theory]
    [InlineData(0x3E - 4, 1)]
    [InlineData(0x3F - 4, 2)]
    [InlineData(0xFFD - 4, 2)]
    [InlineData(0xFFE - 4, 3)]
    public void LengthsOfPackages_TakeAsManyBytesAsTheyNeed(int content, int bytes)
    {
        // Scope: one byte, the length, four of the name, the content.
        var scope = Aml.Scope("TEST", new byte[content]);
        var length = bytes == 1 ? scope[1] : (scope[1] & 0xF) | scope[2] << 4 | (bytes == 3 ? scope[3] << 12 : 0);

        Assert.Equal(bytes - 1, scope[1] >> 6);
        Assert.Equal(scope.Length - 1, length);
        Assert.Equal("TEST", Encoding.ASCII.GetString(scope, 1 + bytes, 4));
    }

    public void Dispose() => _memory.Dispose();

    private static string Name(byte[] table) => Encoding.ASCII.GetString(table, 0, 4);

    private static byte Sum(byte[] bytes) => (byte)bytes.Sum(b => b);

    private byte[] Find(string name)
    {
        var xsdt = Table(BinaryPrimitives.ReadUInt64LittleEndian(_memory.Slice(0xE_0018, 8)));
        return Enumerable.Range(0, (xsdt.Length - 36) / 8).Select(i => Table(BinaryPrimitives.ReadUInt64LittleEndian(xsdt.AsSpan(36 + 8 * i)))).Single(t => Name(t) == name);
    }

    private byte[] Table(ulong address)
    {
        var table = _memory.Slice(address, BinaryPrimitives.ReadInt32LittleEndian(_memory.Slice(address + 4, 4))).ToArray();
        Assert.Equal(0, Sum(table));
        return table;
    }
}
