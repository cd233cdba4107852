using System.Runtime.ExceptionServices;

namespace Crisp.Linux.Tests;

/// <summary>Namespaces and signal masks belong to a thread: what changes them runs on one that ends with the test.</summary>
internal static class OwnThread
{
    internal static T Run<T>(Func<T> action)
    {
        T? result = default;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = action();
            }
#pragma warning disable CA1031 // Thrown again where the test can see it.
            catch (Exception e)
            {
                failure = e;
            }
#pragma warning restore CA1031
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        return result!;
    }

    internal static void Run(Action action) => Run(() =>
    {
        action();
        return true;
    });

    /// <summary>In a mount namespace of its own, in which nothing propagates to the machine's.</summary>
    internal static void RunInMountNamespace(Action action) => Run(() =>
    {
        Namespaces.Unshare(NamespaceFlags.Mount);
        Mounts.Mount(null, "/", null, MountFlags.Recursive | MountFlags.Private);
        action();
    });
}
