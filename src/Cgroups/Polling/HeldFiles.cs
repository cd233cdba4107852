using Crisp.Linux;

namespace Crisp.Cgroups.Polling;

/// <summary>
/// Files of one cgroup that stay open between two readings, by their names. To read such a file costs a tenth of what it costs to
/// open, read and close it: kernfs has a lock to take for each directory of the path.
/// </summary>
/// <remarks>
/// An open file holds nothing of its cgroup: rmdir goes through, and reads answer ENODEV from then on. It does hold a page of the
/// kernel's memory (seq_file's buffer), which is why there is an allowance and why nothing is held for those who ask seldom.
/// </remarks>
internal sealed class HeldFiles(FileAllowance allowance)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, FileDescriptor> _files = [];
    private bool _closed;

    /// <summary>Reads a file that is held.</summary>
    /// <returns>False when it is not, or its cgroup has been removed.</returns>
    public bool TryRead(string name, Span<byte> buffer, out int length)
    {
        lock (_gate)
        {
            length = 0;
            if (!_files.TryGetValue(name, out var file))
            {
                return false;
            }

            length = Files.TryReadAt(file, buffer, 0, out var errno);
            if (length >= 0)
            {
                return true;
            }

            // Whatever it is, the way by the path tells it.
            length = 0;
            if (errno == Errno.ENODEV)
            {
                // The cgroup was removed, and perhaps made anew since.
                ReleaseAll();
                return false;
            }

            _files.Remove(name);
            Release(file);
            return false;
        }
    }

    /// <summary>Opens a file by its path, reads it as <see cref="CgroupFile.TryRead(string, Span{byte})"/>, and holds it as far as the allowance goes.</summary>
    public ReadOnlySpan<byte> OpenAndRead(string name, string path, Span<byte> buffer)
    {
        var file = CgroupFile.TryOpen(path);
        if (file is null)
        {
            return default;
        }

        try
        {
            var text = CgroupFile.TryRead(file, path, buffer);
            lock (_gate)
            {
                if (!_closed && !_files.ContainsKey(name) && allowance.TryTake())
                {
                    _files.Add(name, file);
                    file = null;
                }
            }

            return text;
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>For ever: who reads afterwards opens and closes each time.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            ReleaseAll();
        }
    }

    private void ReleaseAll()
    {
        foreach (var file in _files.Values)
        {
            Release(file);
        }

        _files.Clear();
    }

    private void Release(FileDescriptor file)
    {
        file.Dispose();
        allowance.Return();
    }
}
