namespace Crisp.Cgroups;

/// <summary>What a process does with a device node, with the values of linux/bpf.h (BPF_DEVCG_ACC_*).</summary>
[Flags]
public enum DeviceAccess
{
    None = 0,
    Mknod = 1,
    Read = 2,
    Write = 4,
    All = Mknod | Read | Write,
}

/// <summary>One rule of the device filter (OCI runtime-spec, linux.resources.devices).</summary>
/// <param name="Type">a (any), c or b.</param>
/// <param name="Major">Null is any.</param>
/// <param name="Minor">Null is any.</param>
public sealed record DeviceRule(bool Allow, char Type, uint? Major, uint? Minor, DeviceAccess Access)
{
    /// <summary>Allows everything, as privileged containers have it.</summary>
    public static DeviceRule AllowAll { get; } = new(true, 'a', null, null, DeviceAccess.All);

    public static DeviceRule DenyAll { get; } = new(false, 'a', null, null, DeviceAccess.All);

    /// <param name="access">A subset of "rwm".</param>
    /// <exception cref="ArgumentException">Another letter, or none.</exception>
    public static DeviceAccess ParseAccess(string access)
    {
        var result = DeviceAccess.None;
        foreach (var letter in access)
        {
            result |= letter switch
            {
                'r' => DeviceAccess.Read,
                'w' => DeviceAccess.Write,
                'm' => DeviceAccess.Mknod,
                _ => throw new ArgumentException($"The device access \"{access}\" is not a subset of \"rwm\".", nameof(access)),
            };
        }

        return result != DeviceAccess.None
            ? result
            : throw new ArgumentException("A device rule has no access: give a subset of \"rwm\".", nameof(access));
    }

    /// <summary>As devices.allow takes it: <c>c 1:3 rwm</c>.</summary>
    public override string ToString()
    {
        var access = $"{(Access.HasFlag(DeviceAccess.Read) ? "r" : "")}{(Access.HasFlag(DeviceAccess.Write) ? "w" : "")}{(Access.HasFlag(DeviceAccess.Mknod) ? "m" : "")}";
        return $"{Type} {Major?.ToString() ?? "*"}:{Minor?.ToString() ?? "*"} {access}";
    }

    internal void Validate()
    {
        if (Type is not ('a' or 'b' or 'c'))
        {
            throw new ArgumentException($"A device rule has the type '{Type}'; it is a, b or c.");
        }

        if (Access == DeviceAccess.None || (Access & ~DeviceAccess.All) != 0)
        {
            throw new ArgumentException($"A device rule has the access {Access}; it is one or more of read, write and mknod.");
        }
    }
}
