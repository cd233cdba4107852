using System.Text;
using Crisp.Linux;

namespace Crisp.Images.Archives;

/// <summary>
/// The records of a PAX extended header (POSIX.1-2017, pax, "pax Extended Header"): <c>LENGTH KEY=VALUE\n</c>, repeated.
/// </summary>
internal sealed class PaxRecords
{
    private const string XattrPrefix = "SCHILY.xattr.";
    private readonly Dictionary<string, byte[]> _xattrs = new(StringComparer.Ordinal);

    internal string? Path { get; private set; }

    internal string? Target { get; private set; }

    internal long? Size { get; private set; }

    internal long? Uid { get; private set; }

    internal long? Gid { get; private set; }

    internal Timestamp? Modified { get; private set; }

    /// <summary>Whether the entry is a sparse file in one of GNU tar's PAX forms, so that its data is not its content.</summary>
    internal bool IsSparse { get; private set; }

    internal IReadOnlyList<TarXattr> Xattrs => [.. _xattrs.Select(x => new TarXattr(x.Key, x.Value))];

    /// <summary>Adds the records of one header: where a key comes twice, the last one holds.</summary>
    internal void Add(ReadOnlySpan<byte> header)
    {
        while (!header.IsEmpty)
        {
            var space = header.IndexOf((byte)' ');
            var length = space is > 0 and < 8 ? TarNumber.ParseDecimal(header[..space], "length") : 0;
            if (length <= space + 1 || length > header.Length || header[(int)length - 1] != (byte)'\n')
            {
                throw ImageException.Bad("The archive has a PAX header whose record lengths are wrong.");
            }

            var record = header[(space + 1)..((int)length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0)
            {
                throw ImageException.Bad("The archive has a PAX header with a record that has no key.");
            }

            // An empty value takes the record back, so that the header block's own field holds.
            Set(Encoding.UTF8.GetString(record[..equals]), record[(equals + 1)..]);
            header = header[(int)length..];
        }
    }

    private void Set(string key, ReadOnlySpan<byte> value)
    {
        switch (key)
        {
            case "path":
                Path = Name(key, value);
                break;
            case "linkpath":
                Target = Name(key, value);
                break;
            case "size":
                Size = value.IsEmpty ? null : TarNumber.ParseDecimal(value, key);
                break;
            case "uid":
                Uid = value.IsEmpty ? null : TarNumber.ParseDecimal(value, key);
                break;
            case "gid":
                Gid = value.IsEmpty ? null : TarNumber.ParseDecimal(value, key);
                break;
            case "mtime":
                Modified = value.IsEmpty ? null : TarNumber.ParseTime(value);
                break;
            default:
                if (key.StartsWith(XattrPrefix, StringComparison.Ordinal))
                {
                    _xattrs[key[XattrPrefix.Length..]] = value.ToArray();
                }

                IsSparse |= key.StartsWith("GNU.sparse.", StringComparison.Ordinal);
                break;
        }
    }

    private static string? Name(string key, ReadOnlySpan<byte> value)
    {
        // The kernel would take a NUL for the end, a scanner would not.
        return value.Contains((byte)0)
            ? throw ImageException.Bad($"The archive has a PAX record \"{key}\" with a NUL in it.")
            : value.IsEmpty ? null : LinuxPath.Decode(value);
    }
}
