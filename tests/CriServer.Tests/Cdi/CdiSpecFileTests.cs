using System.Text;
using System.Text.Json;
using Crisp.CriServer.Cdi;
using Xunit;

namespace Crisp.CriServer.Tests.Cdi;

/// <summary>What a file of a vendor's must be like.</summary>
public sealed class CdiSpecFileTests
{
    // As nvidia-ctk cdi generate writes it, in short.
    private const string Generated =
        """
        ---
        cdiVersion: 0.5.0
        containerEdits:
          env:
          - NVIDIA_VISIBLE_DEVICES=void
          deviceNodes:
          - path: /dev/nvidiactl
          hooks:
          - args:
            - nvidia-cdi-hook
            - update-ldcache
            - --folder
            - /usr/lib/x86_64-linux-gnu
            hookName: createContainer
            path: /usr/bin/nvidia-cdi-hook
          mounts:
          - containerPath: /usr/bin/nvidia-smi
            hostPath: /usr/bin/nvidia-smi
            options:
            - ro
            - nosuid
            - nodev
            - rbind
            - rprivate
        devices:
        - containerEdits:
            deviceNodes:
            - path: /dev/nvidia0
            - hostPath: /dev/dri/card1
              path: /dev/dri/card1
          name: "0"
        - containerEdits:
            deviceNodes:
            - path: /dev/nvidia0
          name: GPU-c9a4a4d0-e1d6-4dd1-a6bb-07a0f5e8e8f7
        kind: nvidia.com/gpu
        """;

    [Fact]
    public void GeneratedFile_IsRead()
    {
        var spec = Yaml(Generated);
        Assert.Equal(["0", "GPU-c9a4a4d0-e1d6-4dd1-a6bb-07a0f5e8e8f7"], spec.Devices.Select(d => d.Name));
        var hook = Assert.Single(spec.ContainerEdits.Hooks);
        Assert.Equal(("createContainer", "/usr/bin/nvidia-cdi-hook", 4, null), (hook.HookName, hook.Path, hook.Args!.Count, hook.Timeout));
        Assert.Equal("/dev/dri/card1", spec.Devices[0].ContainerEdits.DeviceNodes[1].HostPath);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("null", "it is empty")]
    [InlineData("[]", "")]
    [InlineData("a: [", "it is no YAML at line")]
    [InlineData("a: &x [1]\nb: *x", "anchor or an alias at line 1")]
    [InlineData("a: !!binary aGk=", "has the tag")]
    [InlineData("? [a]\n: b", "it is no YAML")]
    [InlineData("cdiVersion: 0.6.0\n---\nkind: a/b", "more than one document")]
    [InlineData("cdiVersion: 0.6.0\ncdiVersion: 0.6.0", "cdiVersion twice, at line 2 again")]
    [InlineData("cdiVersion: 9.0.0\nkind: a/b\ndevices: [{name: x, containerEdits: {env: [A=1]}}]", "cdiVersion is \"9.0.0\"")]
    [InlineData("cdiVersion: 0.6.0\nkind: a\ndevices: [{name: x}]", "kind is \"a\"")]
    [InlineData("cdiVersion: 0.6.0\nkind: a/b\ndevices: []", "it has no devices")]
    [InlineData("cdiVersion: 0.6.0\nkind: a/b\ndevices: [null]", "devices has a null")]
    [InlineData("cdiVersion: 0.6.0\nkind: a/b\ndevices: [{name: x}]", "x has no containerEdits")]
    [InlineData("cdiVersion: 0.6.0\nkind: a/b\ndevices: [{name: x, containerEdits: {env: [A=1]}}, {name: x, containerEdits: {env: [A=1]}}]", "the device x twice")]
    [InlineData("cdiVersion: 0.6.0\nkind: a/b\ndevices: [{name: ../x}]", "a device has the name \"../x\"")]
    [InlineData("cdiVersion: 0.6.0\nkind: a/b\nunknown: 1\ndevices: [{name: x}]", "unknown")]
    public void MalformedFile_IsRefusedInASentence(string text, string expected) => Assert.Contains(expected, Refused(text), StringComparison.Ordinal);

    [Theory]
    [InlineData("env: [NOVALUE]", "env \"NOVALUE\"")]
    [InlineData("env: [null]", "which is not NAME=value")]
    [InlineData("env: [\"A=\\0\"]", "which is not NAME=value")]
    [InlineData("deviceNodes: [{path: dev/x}]", "path \"dev/x\"")]
    [InlineData("deviceNodes: [{path: /dev/../x}]", "path \"/dev/../x\"")]
    [InlineData("deviceNodes: [{path: /dev/x, hostPath: ../x}]", "hostPath \"../x\"")]
    [InlineData("deviceNodes: [{path: /dev/x, type: d}]", "type \"d\"")]
    [InlineData("deviceNodes: [{path: /dev/x, permissions: rx}]", "permissions \"rx\"")]
    [InlineData("deviceNodes: [{path: /dev/x, major: -1}]", "major is wrong")]
    [InlineData("deviceNodes: [{path: /dev/x, fileMode: 65535}]", "fileMode beyond 07777")]
    [InlineData("mounts: [{hostPath: x, containerPath: /x}]", "hostPath \"x\"")]
    [InlineData("mounts: [{hostPath: /x, containerPath: /}]", "containerPath \"/\"")]
    [InlineData("mounts: [{hostPath: /x, containerPath: /x, options: [null]}]", "a null in the options")]
    [InlineData("hooks: [{hookName: postStart, path: /x}]", "hookName \"postStart\"")]
    [InlineData("hooks: [{hookName: poststart, path: x}]", "path \"x\"")]
    [InlineData("hooks: [{hookName: poststart, path: /x, timeout: 0}]", "the timeout 0")]
    [InlineData("hooks: [{hookName: poststart, path: /x, timeout: 3601}]", "the timeout 3601")]
    [InlineData("hooks: [{hookName: poststart, path: /x, env: [A]}]", "an env that is not NAME=value")]
    [InlineData("hooks: [{hookName: poststart, path: /x, args: [\"a\\0\"]}]", "an argument that is null or has a NUL character")]
    public void MalformedEdit_IsRefusedInASentence(string edit, string expected)
    {
        Assert.Contains(expected, Refused($"cdiVersion: 1.0.0\nkind: a/b\ndevices: [{{name: x, containerEdits: {{{edit}}}}}]"), StringComparison.Ordinal);
        Assert.Contains(expected, Refused($"cdiVersion: 1.0.0\nkind: a/b\ndevices: [{{name: x, containerEdits: {{env: [A=1]}}}}]\ncontainerEdits: {{{edit}}}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.3.0", "x", "env: [A=1]", "")]
    [InlineData("0.4.0", "x", "mounts: [{hostPath: /x, containerPath: /x, type: bind}]", "")]
    [InlineData("0.5.0", "x", "deviceNodes: [{path: /dev/x, hostPath: /dev/y}]", "")]
    [InlineData("0.5.0", "0", "env: [A=1]", "")]
    [InlineData("0.6.0", "x", "env: [A=1]", "annotations: {a: b}")]
    [InlineData("0.7.0", "x", "additionalGids: [1]", "")]
    [InlineData("0.7.0", "x", "intelRdt: {closID: x}", "")]
    [InlineData("1.1.0", "x", "intelRdt: {schemata: [x]}", "")]
    [InlineData("1.1.0", "x", "intelRdt: {enableMonitoring: true}", "")]
    [InlineData("1.1.0", "x", "netDevices: [{hostInterfaceName: eth7, name: net1}]", "")]
    public void Version_MustHaveWhatIsUsed(string least, string name, string edit, string further)
    {
        string[] versions = ["0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"];
        foreach (var version in versions)
        {
            var text = $"cdiVersion: {version}\nkind: a/b\n{further}\ndevices: [{{name: \"{name}\", containerEdits: {{{edit}}}}}]";
            if (Array.IndexOf(versions, version) < Array.IndexOf(versions, least))
            {
                Assert.EndsWith($"needs {least} at least", Refused(text), StringComparison.Ordinal);
            }
            else
            {
                Yaml(text);
                Yaml(text.Replace("cdiVersion: ", "cdiVersion: v", StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void DotInTheClass_IsOfVersion06()
    {
        const string Text = "cdiVersion: 0.5.0\nkind: a/b.c\ndevices: [{name: x, containerEdits: {env: [A=1]}}]";
        Assert.Equal("cdiVersion is 0.5.0, and a dot in the class of its kind needs 0.6.0 at least", Refused(Text));
        Yaml(Text.Replace("0.5.0", "0.6.0", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("0660")]
    [InlineData("0o660")]
    [InlineData("432")]
    public void FileMode_IsOctalAsYamlHasIt(string mode) => Assert.Equal(
        0x1B0u,
        Yaml($"cdiVersion: 1.0.0\nkind: a/b\ndevices: [{{name: x, containerEdits: {{deviceNodes: [{{path: /dev/x, fileMode: {mode}}}]}}}}]")
            .Devices[0].ContainerEdits.DeviceNodes[0].FileMode);

    [Theory]
    [InlineData("0", "0")]
    [InlineData("010", "8")]
    [InlineData("1.5", "1.5")]
    [InlineData("true", "true")]
    [InlineData("\"0\"", "0")]
    public void NumberWhereAWordBelongs_IsThatWord(string name, string expected)
        => Assert.Equal(expected, Yaml($"cdiVersion: 1.0.0\nkind: a/b\ndevices: [{{name: {name}, containerEdits: {{env: [A=1]}}}}]").Devices[0].Name);

    [Fact]
    public void NumberWhereAWordBelongs_IsThatWordInJsonToo()
    {
        const string Text = """{"cdiVersion":"1.0.0","kind":"a/b","devices":[{"name":7,"containerEdits":{"env":["A=1"]}}]}""";
        Assert.Equal("7", CdiSpecFile.Parse(Encoding.UTF8.GetBytes(Text), isJson: true).Devices[0].Name);
    }

    [Theory]
    [InlineData("[0]")]
    [InlineData("{a: b}")]
    public void WhatIsNoWord_IsRefused(string name)
        => Assert.Contains("name", Refused($"cdiVersion: 1.0.0\nkind: a/b\ndevices: [{{name: {name}, containerEdits: {{env: [A=1]}}}}]"), StringComparison.Ordinal);

    [Fact]
    public void DeepFile_IsRefused()
    {
        Assert.Contains("nested more than", Refused(new string('[', 100_000)), StringComparison.Ordinal);
        Refused(string.Concat(Enumerable.Repeat("{\"annotations\":", 100_000)), isJson: true);
    }

    /// <summary>JSON is YAML: both readers must make the same of it, and none may do more than refuse, whatever it is.</summary>
    [Fact]
    public void Noise_IsReadOrRefusedByBothReadersAlike()
    {
        var random = new Random(1);
        var original = JsonSerializer.Serialize(Yaml(Generated), CdiJson.Default.CdiSpec);
        string[] words = ["null", "[]", "{}", "\"\"", "-1", "1e999", "true", "18446744073709551616", "\"\\u0000\"", "\"/dev/x\"", "{\"hooks\":[null]}"];
        var (read, refused) = (0, 0);
        for (var round = 0; round < 4000; round++)
        {
            var text = new StringBuilder(original);
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                var at = random.Next(text.Length);
                _ = random.Next(4) switch
                {
                    0 => text.Remove(at, random.Next(Math.Min(40, text.Length - at)) + 1),
                    1 => text.Insert(at, words[random.Next(words.Length)]),
                    2 => text.Insert(at, (char)random.Next(1, 0x250)),
                    _ => text.Insert(at, text.ToString(0, random.Next(Math.Min(200, text.Length)))),
                };
                if (text.Length == 0)
                {
                    text.Append(' ');
                }
            }

            var json = Try(text.ToString(), isJson: true);
            var yaml = Try(text.ToString(), isJson: false);
            if (json is not null)
            {
                read++;
                Assert.Equal(json, yaml);
            }
            else
            {
                refused++;
            }
        }

        Assert.True(read > 100 && refused > 100, $"{read} were read and {refused} refused");
    }

    [Fact]
    public void NoiseInYaml_IsReadOrRefused()
    {
        var random = new Random(2);
        const string Signs = "\n\t -:[]{},&*!|>'\"%@`#?0a~\u0085\u2028\ufeff";
        for (var round = 0; round < 4000; round++)
        {
            var text = Encoding.UTF8.GetBytes(Generated);
            for (var changes = random.Next(1, 6); changes > 0; changes--)
            {
                text[random.Next(text.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)Signs[random.Next(Signs.Length)];
            }

            try
            {
                CdiSpecFile.Parse(text, isJson: false);
            }
            catch (CdiException e)
            {
                Assert.NotEmpty(e.Message);
            }
        }
    }

    private static CdiSpec Yaml(string text) => CdiSpecFile.Parse(Encoding.UTF8.GetBytes(text), isJson: false);

    private static string Refused(string text, bool isJson = false)
        => Assert.Throws<CdiException>(() => CdiSpecFile.Parse(Encoding.UTF8.GetBytes(text), isJson)).Message;

    private static string? Try(string text, bool isJson)
    {
        try
        {
            return JsonSerializer.Serialize(CdiSpecFile.Parse(Encoding.UTF8.GetBytes(text), isJson), CdiJson.Default.CdiSpec);
        }
        catch (CdiException)
        {
            return null;
        }
    }
}
