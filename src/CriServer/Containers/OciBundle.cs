using System.Text.Json;
using Crisp.CriServer.State;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.Containers;

/// <summary>
/// What hooks find out about their container: a directory with config.json in the form of the OCI runtime specification, and an empty
/// directory rootfs, on which the container's root is mounted where createContainer hooks run. Nothing of ours reads it.
/// </summary>
internal static class OciBundle
{
    /// <summary>Makes it where the specification says; without hooks there is none.</summary>
    public static void Make(ContainerSpec spec, ContainerSpecInput input)
    {
        if (spec.Bundle is { } bundle)
        {
            PrivateDirectory.Create(bundle);
            Directory.CreateDirectory(Path.Combine(bundle, "rootfs"), (UnixFileMode)0x1ED);
            using var file = File.Create(Path.Combine(bundle, "config.json"));
            Write(file, spec, input);
        }
    }

    private static void Write(Stream file, ContainerSpec spec, ContainerSpecInput input)
    {
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("ociVersion", HookSpec.OciVersion);
        Write(json, spec.Process);
        json.WriteStartObject("root");
        json.WriteString("path", "rootfs");
        json.WriteBoolean("readonly", spec.Root.Readonly);
        json.WriteEndObject();
        json.WriteString("hostname", input.Sandbox.Spec.Hostname);
        json.WriteStartArray("mounts");
        foreach (var mount in spec.Mounts)
        {
            Write(json, mount);
        }

        json.WriteEndArray();
        json.WriteStartObject("annotations");
        foreach (var (key, value) in input.Config.Annotations)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
        json.WriteStartObject("linux");
        json.WriteString("cgroupsPath", $"/{spec.CgroupPath}");
        json.WriteStartArray("devices");
        foreach (var device in spec.Devices)
        {
            Write(json, device);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // The user is left out: a name of the image's is resolved by the pod's process.
    private static void Write(Utf8JsonWriter json, ProcessSpec process)
    {
        json.WriteStartObject("process");
        json.WriteBoolean("terminal", process.Terminal);
        Write(json, "args", process.Args);
        Write(json, "env", process.Env);
        json.WriteString("cwd", process.Cwd);
        json.WriteBoolean("noNewPrivileges", process.NoNewPrivileges);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, MountSpec mount)
    {
        var (type, source) = mount.Source switch
        {
            BindSource bind => ("bind", bind.Path),
            KernelSource kernel => (kernel.Type, kernel.Type),
            TmpfsSource => ("tmpfs", "tmpfs"),
            _ => ("overlay", "overlay"),
        };
        json.WriteStartObject();
        json.WriteString("destination", mount.Target);
        json.WriteString("type", type);
        json.WriteString("source", source);
        Write(json, "options", Options(mount));
        json.WriteEndObject();
    }

    private static List<string> Options(MountSpec mount)
    {
        List<string> options = [mount.Readonly ? "ro" : "rw"];
        Add(mount.Source is BindSource { Recursive: true }, "rbind");
        Add(mount.Source is BindSource { Recursive: false }, "bind");
        Add(mount.Nosuid, "nosuid");
        Add(mount.Nodev, "nodev");
        Add(mount.Noexec, "noexec");
        Add(mount.Propagation == MountPropagation.Slave, "rslave");
        Add(mount.Propagation == MountPropagation.Shared, "rshared");
        return options;

        void Add(bool condition, string option)
        {
            if (condition)
            {
                options.Add(option);
            }
        }
    }

    private static void Write(Utf8JsonWriter json, DeviceSpec device)
    {
        json.WriteStartObject();
        json.WriteString("path", device.Path);
        json.WriteString("type", $"{device.Type}");
        json.WriteNumber("major", device.Major);
        json.WriteNumber("minor", device.Minor);
        json.WriteNumber("fileMode", device.Mode);
        json.WriteNumber("uid", device.Uid);
        json.WriteNumber("gid", device.Gid);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }
}
