using System.Text;
using Crisp.Linux;

namespace Crisp.Kvm.Fuse;

/// <summary>What a guest's filesystem consists of. From any thread, at any time: also while the guest runs.</summary>
public sealed class ExportTable : IDisposable
{
    /// <summary>Of a name, in bytes.</summary>
    public const int MostNameLength = 128;

    /// <summary>Exports at one time.</summary>
    public const int MostExports = 1024;

    /// <summary>The root itself; exports have higher ones.</summary>
    private const ulong RootId = 1;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Export> _byName = new(StringComparer.Ordinal);
    private ulong _lastId = RootId;

    /// <summary>Called after an export was removed, on the thread that did it.</summary>
    internal event Action<Export>? Removed;

    /// <summary>Lets the guest see a directory or a regular file. A name that was looked up in vain is seen at the next look.</summary>
    /// <param name="name">Letters, digits, '.', '_' and '-'; not "." or "..". Made by the node, never by the guest.</param>
    /// <param name="root">Of a detached mount, or any other; O_PATH is enough. Closed when the export is removed, or when this throws.</param>
    /// <exception cref="ArgumentException">The name cannot be, or exists; or the descriptor is neither directory nor regular file.</exception>
    /// <exception cref="LinuxException">The descriptor is not open.</exception>
    public void Add(string name, FileDescriptor root, ExportOptions options)
    {
        try
        {
            Verify(name);
            var type = Files.Status(root).Type;
            if (type is not (FileType.Directory or FileType.Regular))
            {
                throw new ArgumentException($"The export {name} is a {type}: only directories and regular files can be shared.", nameof(root));
            }

            lock (_lock)
            {
                if (_byName.Count == MostExports)
                {
                    throw new ArgumentException($"The export {name} is one more than {MostExports}.", nameof(name));
                }

                var export = new Export(++_lastId, name, root, type, options);
                if (!_byName.TryAdd(name, export))
                {
                    throw new ArgumentException($"There is an export {name} already.", nameof(name));
                }
            }
        }
        catch
        {
            root.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes an export away and closes every descriptor that was open beneath it, so that what it lies on can be unmounted. A request under
    /// way holds one until it is done; the guest hears ESTALE from then on.
    /// </summary>
    /// <returns>False when there is none of this name.</returns>
    public bool Remove(string name)
    {
        Export? export;
        lock (_lock)
        {
            if (!_byName.Remove(name, out export))
            {
                return false;
            }
        }

        Close(export);
        return true;
    }

    public void Dispose()
    {
        List<Export> exports;
        lock (_lock)
        {
            exports = [.. _byName.Values];
            _byName.Clear();
        }

        exports.ForEach(Close);
    }

    internal Export? Find(ReadOnlySpan<byte> name)
    {
        lock (_lock)
        {
            return Ascii.IsValid(name) && _byName.TryGetValue(Encoding.ASCII.GetString(name), out var export) ? export : null;
        }
    }

    /// <summary>The export with the lowest id above the one given.</summary>
    internal Export? After(ulong id)
    {
        lock (_lock)
        {
            // Of at most a thousand, and a guest lists them rarely.
            return _byName.Values.Where(e => e.Id > id).MinBy(e => e.Id);
        }
    }

    private static void Verify(string name)
    {
        if (name.Length is 0 or > MostNameLength || name is "." or ".."
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
        {
            throw new ArgumentException($"An export cannot be named \"{name}\": give letters, digits, '.', '_' and '-', at most {MostNameLength}.", nameof(name));
        }
    }

    private void Close(Export export)
    {
        export.MarkRemoved();
        export.Root.Dispose();
        Removed?.Invoke(export);
    }
}
