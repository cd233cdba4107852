namespace Crisp.Linux;

/// <summary>A request of netlink(7) that the kernel refused, with the kernel's own words where it has some.</summary>
/// <remarks>The message reads <c>rtnetlink RTM_NEWQDISC of interface 3: EEXIST, file exists (Exclusivity flag on, cannot modify)</c>.</remarks>
public sealed class NetlinkException : LinuxException
{
    internal NetlinkException(string request, Errno errno, string? reason)
        : base("rtnetlink", errno, request, Describe("rtnetlink", errno, request) + (reason is null ? "" : $" ({reason})"))
    {
    }
}
