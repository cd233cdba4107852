namespace Crisp.Linux;

/// <summary>Sockets within a network namespace. A socket belongs to the namespace in which it was made, whoever uses it later.</summary>
public static class NamespaceSocket
{
    /// <summary>A TCP socket (tcp(7)), made on a thread that ends afterwards: no other thread ever leaves its own namespace.</summary>
    /// <param name="isIPv6">Else of IPv4.</param>
    /// <exception cref="LinuxException">EAFNOSUPPORT where the kernel has no IPv6.</exception>
    public static FileDescriptor CreateTcp(FileDescriptor networkNamespace, bool isIPv6)
        => Within(networkNamespace, () => Sockets.CreateTcp(isIPv6));

    internal static FileDescriptor Within(FileDescriptor networkNamespace, Func<FileDescriptor> create)
    {
        FileDescriptor? socket = null;
        LinuxException? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                Namespaces.SetNs(networkNamespace, NamespaceFlags.Network);
                socket = create();
            }
            catch (LinuxException e)
            {
                error = e;
            }
        }, maxStackSize: 256 << 10)
        {
            Name = "netns socket",
            IsBackground = true,
        };
        thread.Start();
        thread.Join();
        return socket ?? throw error!;
    }
}
