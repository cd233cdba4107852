namespace Crisp.Linux;

/// <summary>A set of capabilities(7): bit n is capability n.</summary>
public readonly record struct CapabilitySet(ulong Bits)
{
    private static readonly string[] s_names =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
        "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
        "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
        "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ];

    public static CapabilitySet Empty => default;

    /// <summary>Every capability that this library has a name for (Linux 5.9 added the last).</summary>
    public static CapabilitySet All => new((1UL << s_names.Length) - 1);

    public bool IsEmpty => Bits == 0;

    /// <summary>Capability numbers in ascending order.</summary>
    public IEnumerable<int> Numbers
    {
        get
        {
            for (var rest = Bits; rest != 0; rest &= rest - 1)
            {
                yield return System.Numerics.BitOperations.TrailingZeroCount(rest);
            }
        }
    }

    public static CapabilitySet operator |(CapabilitySet left, CapabilitySet right) => left.BitwiseOr(right);

    public static CapabilitySet operator &(CapabilitySet left, CapabilitySet right) => left.BitwiseAnd(right);

    /// <summary>The number of a name such as CAP_NET_RAW, or -1.</summary>
    public static int NumberOf(string name) => Array.IndexOf(s_names, name);

    /// <summary>CAP_NET_RAW and so on; a number without a name is CAP_n.</summary>
    public static string NameOf(int number) => number < s_names.Length ? s_names[number] : $"CAP_{number}";

    /// <exception cref="ArgumentException">A name is not known.</exception>
    public static CapabilitySet Of(params IEnumerable<string> names)
    {
        var bits = 0UL;
        foreach (var name in names)
        {
            var number = NumberOf(name);
            bits |= number >= 0 ? 1UL << number : throw new ArgumentException($"{name} is no capability of Linux.", nameof(names));
        }

        return new CapabilitySet(bits);
    }

    public CapabilitySet BitwiseOr(CapabilitySet other) => new(Bits | other.Bits);

    public CapabilitySet BitwiseAnd(CapabilitySet other) => new(Bits & other.Bits);

    public bool Contains(int number) => (Bits >> number & 1) != 0;

    public override string ToString() => string.Join('|', Numbers.Select(NameOf));
}
