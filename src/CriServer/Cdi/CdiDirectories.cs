namespace Crisp.CriServer.Cdi;

/// <summary>
/// The devices that the node's vendors describe. The files are read when a container asks for a device, as they are then: a
/// driver that was installed a moment ago needs no reload.
/// </summary>
/// <param name="directories">The last has the highest priority.</param>
internal sealed class CdiDirectories(IReadOnlyList<string> directories)
{
    private const int MostFiles = 1000;

    /// <summary>What these devices change of a container: for each specification its common edits once, and then the device's.</summary>
    /// <param name="names">As <see cref="CdiNames.Asked"/> has them.</param>
    /// <exception cref="CdiException">A device is unknown, described twice, or needs what this version does not have.</exception>
    public CdiInjection Resolve(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return CdiInjection.None;
        }

        var (found, problems) = Read();
        var edits = new CdiEdits();
        var specs = new HashSet<CdiSpec>(ReferenceEqualityComparer.Instance);
        foreach (var name in names)
        {
            var device = Choose(name, found.GetValueOrDefault(name) ?? [], problems);
            if (specs.Add(device.Spec))
            {
                edits = edits.With(Possible(device.Spec.ContainerEdits, name, device.File));
            }

            edits = edits.With(Possible(device.Device.ContainerEdits, name, device.File));
        }

        return new CdiInjection(names, edits, problems);
    }

    /// <summary>The names of all devices that containers can have, in order, and a sentence about each thing that keeps others from being one.</summary>
    public (IReadOnlyList<string> Names, IReadOnlyList<string> Problems) List()
    {
        var (found, problems) = Read();
        var names = new List<string>();
        foreach (var (name, devices) in found.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            try
            {
                var device = Choose(name, devices, []);
                Possible(device.Spec.ContainerEdits, name, device.File);
                Possible(device.Device.ContainerEdits, name, device.File);
                names.Add(name);
            }
            catch (CdiException e)
            {
                problems.Add(e.Message);
            }
        }

        return (names, problems);
    }

    private (Dictionary<string, List<Found>> Found, List<string> Problems) Read()
    {
        var found = new Dictionary<string, List<Found>>(StringComparer.Ordinal);
        var problems = new List<string>();
        for (var priority = 0; priority < directories.Count; priority++)
        {
            Read(priority, found, problems);
        }

        return (found, problems);
    }

    private void Read(int priority, Dictionary<string, List<Found>> found, List<string> problems)
    {
        foreach (var file in Files(directories[priority], problems))
        {
            try
            {
                var spec = CdiSpecFile.Read(file);
                foreach (var device in spec.Devices)
                {
                    var name = $"{spec.Kind}={device.Name}";
                    if (!found.TryGetValue(name, out var same))
                    {
                        found.Add(name, same = []);
                    }

                    same.Add(new Found(priority, file, spec, device));
                }
            }
            catch (CdiException e)
            {
                // It is told to whoever misses a device; the devices of other files work.
                problems.Add(e.Message);
            }
        }
    }

    private static List<string> Files(string directory, List<string> problems)
    {
        try
        {
            var files = Directory.EnumerateFiles(directory)
                .Where(f => f.EndsWith(".json", StringComparison.Ordinal) || f.EndsWith(".yaml", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Take(MostFiles + 1).ToList();
            if (files.Count > MostFiles)
            {
                problems.Add($"{directory} has more than {MostFiles} CDI specifications, and none of them was read.");
                return [];
            }

            return files;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{directory} cannot be read: {e.Message}");
            return [];
        }
    }

    private Found Choose(string name, List<Found> found, List<string> problems)
    {
        if (found.Count == 0)
        {
            var where = directories.Count == 0 ? "cdi.spec_dirs is empty" : $"no specification in {string.Join(" or ", directories)} has it";
            throw new CdiException(string.Join(' ', [$"There is no CDI device {name}: {where}.", .. problems]));
        }

        var highest = found.Max(f => f.Priority);
        var chosen = found.Where(f => f.Priority == highest).ToList();
        return chosen is [var one]
            ? one
            : throw new CdiException(
                $"The CDI device {name} is described by {string.Join(" and by ", chosen.Select(f => f.File).Order(StringComparer.Ordinal))}: "
                + "one directory may have it only once. Remove one of the files.");
    }

    private static CdiEdits Possible(CdiEdits edits, string name, string file) =>
        edits.IntelRdt is not null ? throw new CdiException(
            $"The CDI device {name} of {file} has intelRdt, and this version shares out no caches and no memory bandwidth (resctrl).")
        : edits.NetDevices.Count > 0 ? throw new CdiException(
            $"The CDI device {name} of {file} has netDevices ({edits.NetDevices[0].HostInterfaceName}), and this version moves no interfaces of the node into pods. "
            + "A CNI plugin such as host-device does.")
        : edits;

    private sealed record Found(int Priority, string File, CdiSpec Spec, CdiDevice Device);
}
