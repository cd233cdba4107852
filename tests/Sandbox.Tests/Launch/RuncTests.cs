using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>
/// The same specification, started by this launcher and by runc: a probe inside sees the same. What differs on purpose is named
/// here.
/// </summary>
public sealed class RuncTests : IDisposable
{
    // One section each: mounts, process, devices, descriptors, environment, and what can be written.
    private const string Script = """
        echo @mounts; cat /proc/self/mountinfo
        echo @status; grep -E '^(Umask|Uid|Gid|Groups|NSpgid|NSsid|TracerPid|Sig(Blk|Ign|Cgt|Pnd)|Cap|NoNewPrivs|Seccomp)' /proc/self/status
        echo @limits; cat /proc/self/limits
        echo @devices; find /dev | sort | xargs stat -c '%N %F %t:%T %a %u:%g'
        echo @descriptors; for f in /proc/self/fd/*; do echo $f; done
        echo @identity; id; pwd; hostname; cat /proc/self/oom_score_adj; cat /proc/self/cgroup; cut -d' ' -f4-8 /proc/self/stat; echo $$
        echo @environment; env | sort
        echo @writes; for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/x /sys/kernel/x /dev/x /dev/shm/x /x /etc/hosts; do
        touch $f 2>&1 && echo $f; done
        echo @reads; for f in /proc/keys /proc/timer_list /proc/interrupts /proc/kcore /sys/firmware /proc/acpi /proc/scsi /proc/sched_debug; do
        stat -c '%n %F %t:%T' $f 2>&1; ls -A $f 2>&1; done
        """;

    private readonly LaunchFixture _fixture;

    // What is skipped is not disposed: the fixture comes last.
    public RuncTests()
    {
        Assert.SkipUnless(File.Exists("/usr/sbin/runc") || File.Exists("/usr/bin/runc"), "runc is not installed");
        _fixture = new LaunchFixture();
    }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Root_SeesTheSame() => Compare(p => p);

    [Fact]
    public void UserWithoutNewPrivileges_SeesTheSame() => Compare(p => p with
    {
        User = new UserSpec { User = "1000", Gid = 1001, AdditionalGids = [2000, 3000] },
        NoNewPrivileges = true,
        Cwd = "/tmp",
        Umask = 0x17,
    });

    [Fact]
    public void AmbientCapability_IsTheSame()
    {
        string[] one = ["CAP_NET_BIND_SERVICE"];
        Compare(p => p with
        {
            User = new UserSpec { User = "1000" },
            Capabilities = new CapabilitiesSpec { Bounding = one, Permitted = one, Effective = one, Ambient = one },
        });
    }

    [Fact]
    public void ReadOnlyRoot_IsTheSame() => Compare(p => p, s => s with { Root = s.Root with { Readonly = true } });

    [Fact]
    public void Privileged_SeesTheSame()
    {
        var all = Enumerable.Range(0, 41).Where(n => Linux.Processes.IsInBoundingSet(n) == true).Select(CapabilitySet.NameOf).ToList();
        Compare(
            p => p with { Capabilities = new CapabilitiesSpec { Bounding = all, Permitted = all, Effective = all } },
            s => s with { MaskedPaths = [], ReadonlyPaths = [], Mounts = [.. s.Mounts.Select(m => m with { Readonly = false })] });
    }

    /// <summary>runc binds the node's devices there, and the rootfs is not id-mapped: mounts and devices are not compared.</summary>
    [Fact]
    public void UserNamespace_SeesTheSame() => Compare(
        p => p with { User = new UserSpec { User = "1000", Gid = 1001, AdditionalGids = [2000] } }, pod: Specs.UserPod);

    private void Compare(
        Func<ProcessSpec, ProcessSpec> process, Func<ContainerSpec, ContainerSpec>? change = null, SandboxSpec? pod = null)
    {
        File.WriteAllText(_fixture.Outside("hosts"), "127.0.0.1 localhost\n");
        var spec = Specs.Container(Script).With(p => process(p with
        {
            Env = [.. p.Env, "A=b c", "HOME=/somewhere"],
            Rlimits = [new RlimitSpec("RLIMIT_NOFILE", 1024, 4096), new RlimitSpec("RLIMIT_CORE", 0, 0)],
        }));
        spec = spec.Mount(Specs.Bind(_fixture.Outside("hosts"), "/etc/hosts") with { Readonly = true });
        spec = change?.Invoke(spec) ?? spec;

        pod ??= Specs.Pod;
        var ours = Sections(_fixture.Run(spec, _fixture.Pod(pod)));
        var runcs = Sections(RunRunc(spec, pod));

        Assert.Equal(runcs.Keys, ours.Keys);
        var compared = ours.Where(section => pod.UidMappings.Count == 0 || section.Key is not ("@mounts" or "@devices"));
        Assert.All(compared, section => Assert.Equal(string.Join('\n', runcs[section.Key]), string.Join('\n', section.Value)));
    }

    private static Dictionary<string, List<string>> Sections(string output)
    {
        var sections = new Dictionary<string, List<string>>();
        var name = "";
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line[0] == '@')
            {
                sections.Add(name = line, []);
            }
            else if (Normal(name, line) is { } normal)
            {
                sections[name].Add(normal);
            }
        }

        // The order of mounts is not visible in any other way.
        sections["@mounts"].Sort(StringComparer.Ordinal);
        return sections;
    }

    /// <returns>Null for what may differ.</returns>
    private static string? Normal(string section, string line)
    {
        if (section == "@mounts")
        {
            var fields = line.Split(' ');
            var dash = Array.IndexOf(fields, "-");
            var (root, target, type) = (fields[3], fields[4], fields[dash + 1]);
            if (root.Contains("crisp-test", StringComparison.Ordinal))
            {
                root = Path.GetFileName(root);
            }

            // runc lets programs run from what hides a directory, and leaves cgroup v1's own tmpfs writable.
            if (type == "tmpfs" && (fields[5].StartsWith("ro,", StringComparison.Ordinal) || target == "/sys/fs/cgroup"))
            {
                return $"{target} {root} {type}";
            }

            // The propagation, in optional fields, counts; numbers and sources do not.
            return $"{target} {root} {type} {fields[5]} {string.Join(' ', fields[6..dash])}";
        }

        return line;
    }

    private string RunRunc(ContainerSpec spec, SandboxSpec pod)
    {
        if (pod.UidMappings.Count > 0)
        {
            using var chown = Process.Start("chown", ["-hR", $"{pod.UidMappings[0].HostId}:{pod.GidMappings[0].HostId}", _fixture.Root("")]);
            chown.WaitForExit();

            // runc's child finds everything by its path.
            File.SetUnixFileMode(_fixture.Root(".."), (UnixFileMode)0x1ED);
        }

        var bundle = _fixture.Outside("bundle/config.json");
        File.WriteAllText(bundle, Config(spec, pod).ToJsonString());
        var name = $"crisp-test-{Guid.NewGuid():n}";
        using var runc = Process.Start(new ProcessStartInfo(
            "/bin/sh", ["-c", "exec runc --root \"$1\" run --bundle \"$2\" \"$3\" < /dev/null", "sh", _fixture.Outside("runc"), Path.GetDirectoryName(bundle)!, name])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = runc.StandardOutput.ReadToEnd();
        var errors = runc.StandardError.ReadToEnd();
        runc.WaitForExit();
        Assert.True(output.StartsWith("@mounts", StringComparison.Ordinal), errors);
        return output;
    }

    /// <summary>The specification in the OCI runtime specification's form.</summary>
    private JsonObject Config(ContainerSpec spec, SandboxSpec pod)
    {
        var process = spec.Process;
        return new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["hostname"] = Specs.Pod.Hostname,
            ["root"] = new JsonObject { ["path"] = _fixture.Root(""), ["readonly"] = spec.Root.Readonly },
            ["process"] = new JsonObject
            {
                ["args"] = Strings(process.Args),
                ["env"] = Strings(process.Env),
                ["cwd"] = process.Cwd,
                ["noNewPrivileges"] = process.NoNewPrivileges,
                ["oomScoreAdj"] = process.OomScoreAdj,
                ["user"] = new JsonObject
                {
                    ["uid"] = process.User.User.Length > 0 ? int.Parse(process.User.User, CultureInfo.InvariantCulture) : 0,
                    ["gid"] = process.User.Gid ?? (process.User.User == "1000" ? 1001 : 0),
                    ["additionalGids"] = new JsonArray([.. Groups(process.User).Select(g => (JsonNode)g)]),
                    ["umask"] = process.Umask is { } umask ? (JsonNode)(int)umask : null,
                },
                ["capabilities"] = new JsonObject
                {
                    ["bounding"] = Strings(process.Capabilities.Bounding),
                    ["permitted"] = Strings(process.Capabilities.Permitted),
                    ["effective"] = Strings(process.Capabilities.Effective),
                    ["inheritable"] = Strings(process.Capabilities.Ambient),
                    ["ambient"] = Strings(process.Capabilities.Ambient),
                },
                ["rlimits"] = new JsonArray([.. process.Rlimits.Select(l => new JsonObject { ["type"] = l.Type, ["soft"] = l.Soft, ["hard"] = l.Hard })]),
            },
            ["mounts"] = new JsonArray([.. spec.Mounts.Prepend(null).Select(Mount)]),
            ["linux"] = new JsonObject
            {
                ["namespaces"] = new JsonArray([.. Namespaces(pod).Select(n => new JsonObject { ["type"] = n })]),
                ["uidMappings"] = Map(pod.UidMappings),
                ["gidMappings"] = Map(pod.GidMappings),
                ["maskedPaths"] = Strings(spec.MaskedPaths),
                ["readonlyPaths"] = Strings(spec.ReadonlyPaths),
            },
        };
    }

    private static IEnumerable<string> Namespaces(SandboxSpec pod)
        => ["pid", "network", "ipc", "uts", "mount", "cgroup", .. pod.UidMappings.Count > 0 ? (string[])["user"] : []];

    private static JsonArray Map(IReadOnlyList<IdMapSpec> map)
        => new([.. map.Select(m => new JsonObject { ["containerID"] = m.ContainerId, ["hostID"] = m.HostId, ["size"] = m.Length })]);

    private static IEnumerable<long> Groups(UserSpec user)
        => user.User == "1000" ? [1001, 29, .. user.AdditionalGids] : [0, .. user.AdditionalGids];

    private static JsonObject Mount(MountSpec? mount)
    {
        var (type, source, options) = mount?.Source switch
        {
            null => ("tmpfs", "tmpfs", (string[])["strictatime", "mode=755", "size=65536k", "nosuid"]),
            KernelSource { Type: "devpts" } => ("devpts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            KernelSource kernel => (kernel.Type, kernel.Type, []),
            TmpfsSource tmpfs => ("tmpfs", "tmpfs", ["mode=1777", $"size={tmpfs.SizeBytes}"]),
            BindSource bind => ("bind", bind.Path, ["rbind"]),
            _ => throw new NotSupportedException(),
        };
        var all = new List<string>(options);
        all.AddRange(mount is { Nosuid: true } ? ["nosuid"] : []);
        all.AddRange(mount is { Nodev: true } ? ["nodev"] : []);
        all.AddRange(mount is { Noexec: true } ? ["noexec"] : []);
        all.AddRange(mount is { Readonly: true } ? ["ro"] : []);
        return new JsonObject { ["destination"] = mount?.Target ?? "/dev", ["type"] = type, ["source"] = source, ["options"] = Strings(all) };
    }

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(v => (JsonNode)v)]);
}
