using Crisp.Cgroups;

namespace Crisp.CriServer.CommandLine.Migration;

/// <summary>What of containerd's configuration pods could depend on. Tables are found by their ends, which versions 2 and 3 of the file share.</summary>
internal sealed class ContainerdSettings
{
    public const string ConfigPath = "/etc/containerd/config.toml";
    private readonly TomlSettings _toml;

    /// <exception cref="FormatException">It is not TOML.</exception>
    public ContainerdSettings(string text) => _toml = new TomlSettings(text, ConfigPath);

    /// <summary>systemd's where runc uses it, in any of the handlers.</summary>
    public CgroupDriver Driver => _toml.Flag("SystemdCgroup") == true ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs;

    public string? SandboxImage => _toml.Text("sandbox_image") ?? _toml.Text("pinned_images", "sandbox");

    /// <summary>Runtime handlers beside runc, by name.</summary>
    public IReadOnlyList<string> Handlers => [.. _toml.Below("containerd", "runtimes").Where(h => h != "runc")];

    public string? DefaultHandler => _toml.Text("default_runtime_name");

    /// <summary>What a handler starts, such as <c>io.containerd.kata.v2</c>.</summary>
    public string? TypeOf(string handler) => _toml.Text("runtimes", handler, "runtime_type");

    /// <summary>Where hosts.toml files lie, of several directories separated by colons each.</summary>
    public IReadOnlyList<string> HostsDirectories
        => _toml.Text("registry", "config_path")?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [];

    /// <summary>The old way to name mirrors: registries and their endpoints.</summary>
    public IReadOnlyList<(string Registry, IReadOnlyList<string> Endpoints)> Mirrors
        => [.. _toml.Below("registry", "mirrors").Select(r => (r, _toml.Texts("mirrors", r, "endpoint")))];

    /// <summary>Registries with credentials or certificates of their own, in the old way.</summary>
    public IReadOnlyList<string> RegistryConfigs => _toml.Below("registry", "configs");

    public string? CniConfDirectory => _toml.Text("cni", "conf_dir");

    public IReadOnlyList<string> CniBinDirectories => _toml.Text("cni", "bin_dir") is { } one ? [one] : _toml.Texts("cni", "bin_dirs");
}
