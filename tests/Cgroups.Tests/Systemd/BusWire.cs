using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Crisp.Cgroups.Tests.Systemd;

/// <summary>Reads values of D-Bus as text, in little-endian order (D-Bus specification, "Marshaling").</summary>
internal sealed class BusReader(byte[] data, int position = 0)
{
    internal int Position { get; private set; } = position;

    internal void Align(int size) => Position = (Position + size - 1) / size * size;

    internal byte Byte() => data[Position++];

    internal uint UInt32()
    {
        Align(4);
        Position += 4;
        return BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(Position - 4));
    }

    internal string Text()
    {
        var length = (int)UInt32();
        Position += length + 1;
        return Encoding.UTF8.GetString(data, Position - length - 1, length);
    }

    internal string Signature()
    {
        var length = Byte();
        Position += length + 1;
        return Encoding.ASCII.GetString(data, Position - length - 1, length);
    }

    /// <summary>All values of a signature: <c>"a", [("b", true)]</c>.</summary>
    internal string Values(string signature)
    {
        var values = new List<string>();
        for (var at = 0; at < signature.Length;)
        {
            values.Add(Value(signature, ref at));
        }

        return string.Join(", ", values);
    }

    private string Value(string signature, ref int at)
    {
        switch (signature[at++])
        {
            case 's' or 'o':
                return $"\"{Text()}\"";
            case 'b':
                return UInt32() == 1 ? "true" : "false";
            case 'u' or 'i':
                return UInt32().ToString(CultureInfo.InvariantCulture);
            case 't':
                Align(8);
                Position += 8;
                return BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(Position - 8)).ToString(CultureInfo.InvariantCulture);
            case 'v':
                return Values(Signature());
            case '(':
                Align(8);
                var members = new List<string>();
                while (signature[at] != ')')
                {
                    members.Add(Value(signature, ref at));
                }

                at++;
                return $"({string.Join(", ", members)})";
            case 'a':
                return Array(signature, ref at);
            default:
                throw new InvalidOperationException($"The signature {signature} has a type that no test needs.");
        }
    }

    private string Array(string signature, ref int at)
    {
        var length = (int)UInt32();
        if (signature[at] is '(' or 't')
        {
            Align(8);
        }

        var (end, first, elements) = (Position + length, at, new List<string>());
        while (Position < end)
        {
            at = first;
            elements.Add(Value(signature, ref at));
        }

        at = first;
        Skip(signature, ref at);
        return $"[{string.Join(", ", elements)}]";
    }

    private static void Skip(string signature, ref int at)
    {
        var depth = 0;
        do
        {
            depth += signature[at] switch { '(' => 1, ')' => -1, _ => 0 };
        }
        while (signature[at++] == 'a' || depth > 0);
    }
}

/// <summary>Writes messages of D-Bus.</summary>
internal sealed class BusWriter
{
    private readonly List<byte> _data = [];

    internal byte[] Bytes => [.. _data];

    internal BusWriter Align(int size)
    {
        while (_data.Count % size != 0)
        {
            _data.Add(0);
        }

        return this;
    }

    internal BusWriter Byte(byte value)
    {
        _data.Add(value);
        return this;
    }

    internal BusWriter UInt32(uint value)
    {
        Align(4);
        _data.AddRange(BitConverter.GetBytes(value));
        return this;
    }

    internal BusWriter Text(string value)
    {
        UInt32((uint)Encoding.UTF8.GetByteCount(value));
        _data.AddRange(Encoding.UTF8.GetBytes(value));
        return Byte(0);
    }

    internal BusWriter Signature(string value)
    {
        Byte((byte)value.Length);
        _data.AddRange(Encoding.ASCII.GetBytes(value));
        return Byte(0);
    }

    internal BusWriter Append(byte[] bytes)
    {
        _data.AddRange(bytes);
        return this;
    }

    /// <param name="type">2 for an answer, 3 for an error, 4 for a signal.</param>
    /// <param name="fields">Number, type and value of each header field.</param>
    internal static byte[] Message(byte type, uint serial, byte[] body, params (byte Number, char Type, object Value)[] fields)
    {
        var header = new BusWriter();
        foreach (var (number, kind, value) in fields)
        {
            header.Align(8).Byte(number).Signature(kind.ToString());
            _ = (kind, value) switch
            {
                ('g', string text) => header.Signature(text),
                (_, string text) => header.Text(text),
                (_, uint number32) => header.UInt32(number32),
                _ => throw new InvalidOperationException($"No test needs a header field of the type {kind}."),
            };
        }

        var fieldBytes = header.Bytes;
        return new BusWriter().Byte((byte)'l').Byte(type).Byte(1).Byte(1).UInt32((uint)body.Length).UInt32(serial)
            .UInt32((uint)fieldBytes.Length).Append(fieldBytes).Align(8).Append(body).Bytes;
    }
}
