using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.GuestImages;
using Crisp.Linux;

namespace Crisp.CriServer.Sandboxes;

/// <summary>The values of RuntimeClass.handler that this node knows: the default one, and those of the configuration.</summary>
public sealed class RuntimeHandlers(CrispConfig config)
{
    private const string KvmDevice = "/dev/kvm";

    /// <summary>The default one has no name in CRI; a RuntimeClass cannot leave it empty, so it has a second one.</summary>
    private static readonly string[] s_defaults = ["", "crisp"];

    public IReadOnlyList<string> Names { get; } = [.. s_defaults, .. config.Runtimes.Select(r => r.Name)];

    /// <summary>Those whose pods are virtual machines.</summary>
    public IEnumerable<RuntimeConfig> Machines => config.Runtimes.Where(r => r.Kind == RuntimeKind.Kvm);

    /// <exception cref="CriException">INVALID_ARGUMENT: CRI says to refuse an unknown handler.</exception>
    public void Require(string name)
    {
        if (!Names.Contains(name))
        {
            var others = string.Concat(config.Runtimes.Select(r => $", {r.Name}"));
            throw CriException.Invalid($"The runtime handler \"{name}\" is unknown; this node has the default one, which is also called crisp{others}.");
        }
    }

    /// <returns>Null for handlers whose pods are made of namespaces.</returns>
    public RuntimeConfig? MachineOf(string name) => Machines.FirstOrDefault(r => r.Name == name);

    /// <summary>What its machines start.</summary>
    /// <exception cref="GuestImageException">There is no image, or it is of no use to this version.</exception>
    public GuestImage ImageOf(RuntimeConfig runtime) => GuestImage.Open(runtime.ImageDirectory ?? config.GuestImageDirectory, CrispVersion.Text);

    /// <summary>Why pods of a handler cannot run on this node now; null when they can.</summary>
    public string? ProblemOf(RuntimeConfig runtime)
    {
        try
        {
            Files.Open(KvmDevice, OpenFlags.ReadWrite).Dispose();
            ImageOf(runtime);
            return null;
        }
        catch (LinuxException e)
        {
            return $"Pods of the runtime handler {runtime.Name} are virtual machines, and {KvmDevice} cannot be opened: {e.Errno.Describe()}. crisp check says more.";
        }
        catch (GuestImageException e)
        {
            return $"Pods of the runtime handler {runtime.Name} are virtual machines. {e.Message}";
        }
    }
}
