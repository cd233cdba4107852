using Crisp.Linux;
using Crisp.Linux.Plans;

namespace Crisp.CriServer.Check;

/// <summary>Tries system calls in a child that ends at once, the way containers are made.</summary>
internal static class PlanTrial
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(10);

    /// <summary>Makes the child in new namespaces and carries out the steps.</summary>
    /// <returns>Null when all succeeded, otherwise what failed.</returns>
    public static string? Fails(NamespaceFlags namespaces, Action<PlanBuilder>? steps = null)
    {
        var builder = new PlanBuilder();
        steps?.Invoke(builder);
        builder.SignalsDefault();
        builder.Exit(0);
        using var plan = builder.Build();
        try
        {
            using var child = PlanLauncher.Launch(plan, namespaces);
            child.RunToEnd(_deadline);
            Processes.TryWaitPidfd(child.Pidfd);
            return null;
        }
        catch (Exception e) when (e is LinuxException or PlanDiedException or TimeoutException)
        {
            return e.Message;
        }
    }

    /// <summary>Makes a user namespace with these maps, and hands its descriptor over.</summary>
    /// <param name="map">A line of uid_map and gid_map (user_namespaces(7)).</param>
    public static void InUserNamespace(string map, Action<FileDescriptor> action)
    {
        const string Mapped = "mapped";
        var builder = new PlanBuilder();
        builder.Stop(Mapped, _deadline);
        builder.SignalsDefault();
        builder.Exit(0);
        using var plan = builder.Build();
        using var child = PlanLauncher.Launch(plan, NamespaceFlags.User);
        child.Run(_deadline);
        File.WriteAllText($"/proc/{child.Pid}/uid_map", map);
        File.WriteAllText($"/proc/{child.Pid}/gid_map", map);
        using (var userNamespace = Files.Open($"/proc/{child.Pid}/ns/user", OpenFlags.ReadOnly))
        {
            action(userNamespace);
        }

        child.RunToEnd(_deadline);
        Processes.TryWaitPidfd(child.Pidfd);
    }
}
