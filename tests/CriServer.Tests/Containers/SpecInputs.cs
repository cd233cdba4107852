using Crisp.Cri.V1;
using Crisp.CriServer.Containers;
using Crisp.CriServer.Sandboxes;
using Crisp.CriServer.State;
using Crisp.CriServer.Tests.State;
using Crisp.Images;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Tests.Containers;

/// <summary>Inputs of the builder that a test changes in one point.</summary>
internal static class SpecInputs
{
    public static ContainerSpecInput Make(
        Action<ContainerConfig>? change = null,
        Func<ImageConfig, ImageConfig>? image = null,
        Func<SandboxRecord, SandboxRecord>? sandbox = null,
        NodeFacts? node = null)
    {
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = "app" },
            Image = new Cri.V1.ImageSpec { Image = "busybox" },
            Linux = new LinuxContainerConfig { SecurityContext = new LinuxContainerSecurityContext(), Resources = new LinuxContainerResources() },
        };
        config.Linux.SecurityContext.NamespaceOptions = new NamespaceOption { Pid = NamespaceMode.Container, Network = NamespaceMode.Node };
        change?.Invoke(config);
        var record = Records.Sandbox("s") with
        {
            Privileged = false,
            Spec = new SandboxSpec { Id = "s", CgroupPath = "crisp/crisp-s", SharedPidNamespace = true },
        };
        var imageConfig = new ImageConfig { Cmd = ["sh"], Env = ["PATH=/bin", "A=image"] };
        return new ContainerSpecInput(
            "c",
            config,
            sandbox?.Invoke(record) ?? record,
            new ImageRecord { Id = "sha256:0", Size = 1, Config = image?.Invoke(imageConfig) ?? imageConfig, Layers = ["/layers/1"] },
            new ContainerDirectories("/root/containers/c"),
            new SandboxFiles("/root/sandboxes/s", "/run/s/shm"),
            node ?? new NodeFacts { SwapLimits = true })
        {
            Volumes = new Dictionary<string, ImageRecord>
            {
                ["volume"] = new() { Id = "sha256:1", Size = 1, Config = new ImageConfig(), Layers = ["/layers/volume"] },
            },
        };
    }

    public static ContainerSpec Build(
        Action<ContainerConfig>? change = null,
        Func<ImageConfig, ImageConfig>? image = null,
        Func<SandboxRecord, SandboxRecord>? sandbox = null,
        NodeFacts? node = null)
        => ContainerSpecBuilder.Build(Make(change, image, sandbox, node));
}
