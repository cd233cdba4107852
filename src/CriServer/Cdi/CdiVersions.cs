namespace Crisp.CriServer.Cdi;

/// <summary>Versions of the Container Device Interface, and the least one that has what a specification uses (SPEC.md, "Released versions").</summary>
internal static class CdiVersions
{
    private static readonly string[] s_known = ["0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"];

    /// <exception cref="CdiException">The version is not known, or too low for what the specification uses.</exception>
    public static void Check(CdiSpec spec)
    {
        var version = Array.IndexOf(s_known, spec.CdiVersion.StartsWith('v') ? spec.CdiVersion[1..] : spec.CdiVersion);
        if (version < 0)
        {
            throw new CdiException($"cdiVersion is \"{spec.CdiVersion}\", and the versions from {s_known[0]} to {s_known[^1]} are known");
        }

        // The first two have no words of their own, and their library takes neither for what it is.
        var (least, why) = Least(spec);
        if (version < Array.IndexOf(s_known, least))
        {
            throw new CdiException($"cdiVersion is {spec.CdiVersion}, and {why} needs {least} at least");
        }
    }

    private static (string Version, string Why) Least(CdiSpec spec)
    {
        CdiEdits[] edits = [spec.ContainerEdits, .. spec.Devices.Select(d => d.ContainerEdits)];
        return edits.Any(e => e.NetDevices.Count > 0) ? ("1.1.0", "netDevices")
            : edits.Any(e => e.IntelRdt is { Schemata: not null } or { EnableMonitoring: true }) ? ("1.1.0", "schemata or enableMonitoring of intelRdt")
            : edits.Any(e => e.IntelRdt is not null) ? ("0.7.0", "intelRdt")
            : edits.Any(e => e.AdditionalGids.Count > 0) ? ("0.7.0", "additionalGids")
            : spec.Annotations.Count > 0 || spec.Devices.Any(d => d.Annotations.Count > 0) ? ("0.6.0", "annotations")
            : spec.Kind[(spec.Kind.IndexOf('/', StringComparison.Ordinal) + 1)..].Contains('.', StringComparison.Ordinal) ? ("0.6.0", "a dot in the class of its kind")
            : spec.Devices.FirstOrDefault(d => char.IsAsciiDigit(d.Name[0])) is { } device ? ("0.5.0", $"the device name {device.Name}, which begins with a digit,")
            : edits.Any(e => e.DeviceNodes.Any(n => n.HostPath.Length > 0)) ? ("0.5.0", "hostPath of a device node")
            : edits.Any(e => e.Mounts.Any(m => m.Type.Length > 0)) ? ("0.4.0", "the type of a mount")
            : ("0.3.0", "this form");
    }
}
