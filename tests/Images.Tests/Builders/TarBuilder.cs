using System.Globalization;
using System.Text;

namespace Crisp.Images.Tests.Builders;

/// <summary>
/// Tar archives byte by byte, so that they can lie in every way. Names are written as they are; what does not fit a header
/// goes into a PAX record.
/// </summary>
internal sealed class TarBuilder
{
    internal const long Time = 1_700_000_000;
    private readonly List<byte> _archive = [];

    /// <summary>Later entries' owner.</summary>
    internal (long Uid, long Gid) Owner { get; set; }

    internal TarBuilder File(string name, string content = "content", uint mode = 0x1A4, params (string Key, byte[] Value)[] pax)
        => Add(name, '0', mode, Encoding.UTF8.GetBytes(content), pax: pax);

    internal TarBuilder Directory(string name, uint mode = 0x1ED, params (string Key, byte[] Value)[] pax)
        => Add(name, '5', mode, [], pax: pax);

    internal TarBuilder Symlink(string name, string target) => Add(name, '2', 0x1FF, [], target);

    internal TarBuilder HardLink(string name, string target) => Add(name, '1', 0x1A4, [], target);

    internal TarBuilder Device(string name, char type, uint major, uint minor, uint mode = 0x180)
        => Header(name, type, mode, 0, Time, "", major, minor);

    internal TarBuilder Fifo(string name, uint mode = 0x180) => Add(name, '6', mode, []);

    /// <summary>.wh.NAME in the same directory.</summary>
    internal TarBuilder Whiteout(string name)
        => File($"{name[..(name.LastIndexOf('/') + 1)]}.wh.{name[(name.LastIndexOf('/') + 1)..]}", "");

    internal TarBuilder Opaque(string directory) => File($"{directory}/.wh..wh..opq", "");

    internal TarBuilder Add(
        string name, char type, uint mode, byte[] data, string target = "", long time = Time, params (string Key, byte[] Value)[] pax)
    {
        var records = pax.ToList();
        if (Encoding.UTF8.GetByteCount(name) > 100)
        {
            records.Add(("path", Encoding.UTF8.GetBytes(name)));
        }

        if (Encoding.UTF8.GetByteCount(target) > 100)
        {
            records.Add(("linkpath", Encoding.UTF8.GetBytes(target)));
        }

        if (records.Count > 0)
        {
            var header = records.SelectMany(r => Record(r.Key, r.Value)).ToArray();
            Header("pax", 'x', 0x1A4, header.Length, Time, "");
            Data(header);
        }

        Header(name, type, mode, data.Length, time, target);
        return Data(data);
    }

    /// <summary>A header block alone.</summary>
    internal TarBuilder Header(
        string name, char type, uint mode, long size, long time = Time, string target = "", uint major = 0, uint minor = 0, Action<byte[]>? change = null)
    {
        var block = new byte[512];
        Put(block, 0, 100, name);
        Octal(block, 100, 8, mode);
        Octal(block, 108, 8, Owner.Uid);
        Octal(block, 116, 8, Owner.Gid);
        Octal(block, 124, 12, size);
        Octal(block, 136, 12, time);
        block[156] = (byte)type;
        Put(block, 157, 100, target);
        Put(block, 257, 8, "ustar\000");
        block[263] = block[264] = (byte)'0';
        Octal(block, 329, 8, major);
        Octal(block, 337, 8, minor);
        change?.Invoke(block);
        block.AsSpan(148, 8).Fill((byte)' ');
        Octal(block, 148, 7, block.Sum(b => (long)b));
        return Bytes(block);
    }

    /// <summary>Data with its padding.</summary>
    internal TarBuilder Data(byte[] data) => Bytes(data).Bytes(new byte[-data.Length & 511]);

    internal TarBuilder Bytes(byte[] bytes)
    {
        _archive.AddRange(bytes);
        return this;
    }

    internal byte[] ToArrayWithoutEnd() => [.. _archive];

    /// <summary>With the end marker.</summary>
    internal byte[] ToArray() => [.. _archive, .. new byte[1024]];

    internal static byte[] Record(string key, byte[] value)
    {
        var rest = Encoding.UTF8.GetByteCount(key) + value.Length + 3;
        var length = rest + Digits(rest);
        length = rest + Digits(length);
        return [.. Encoding.UTF8.GetBytes($"{length} {key}="), .. value, (byte)'\n'];
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private static void Put(byte[] block, int at, int length, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        bytes.AsSpan(0, Math.Min(length, bytes.Length)).CopyTo(block.AsSpan(at));
    }

    private static void Octal(byte[] block, int at, int length, long value)
        => Put(block, at, length, Convert.ToString(value, 8).PadLeft(length - 1, '0'));
}
