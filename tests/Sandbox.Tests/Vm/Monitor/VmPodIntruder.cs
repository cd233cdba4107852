using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>A guest whose kernel is in the hands of intruder.c: what it reaches of the node is its pod's exports, and nothing besides.</summary>
internal static class VmPodIntruder
{
    private const string Done = "intruder: done";
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    public static async Task CheckAsync()
    {
        var program = Path.Combine(AppContext.BaseDirectory, "intruder");
        Assert.SkipUnless(File.Exists(program), "needs a C compiler where the tests are built (Debian: gcc)");
        await using var pod = await VmPodProcess.StartAsync(init: program);
        var volumes = Directory.CreateDirectory(Path.Combine(pod.Scratch, "volumes")).FullName;
        var writable = Volume(volumes, "writable", "own", "mine");
        var guarded = Volume(volumes, "guarded", "secret", "of the node's");
        Volume(volumes, "beside", "passwd", "of others");
        var spec = pod.Container("true");
        spec = spec with
        {
            Mounts =
            [
                .. spec.Mounts,
                new MountSpec { Target = "/w", Source = new BindSource(writable) },
                new MountSpec { Target = "/g", Source = new BindSource(guarded), Readonly = true },
            ],
        };
        using (var one = Tree(writable))
        using (var two = Tree(guarded))
        {
            await pod.CreateAsync(spec, one, two);
        }

        for (var end = DateTime.UtcNow + _patience; !pod.Console.Contains(Done, StringComparison.Ordinal) && DateTime.UtcNow < end;)
        {
            await Task.Delay(100);
        }

        var lines = pod.Console.Split('\n').Select(l => l.TrimEnd('\r')).Where(l => l.StartsWith("intruder: ", StringComparison.Ordinal)).ToList();
        var devices = lines.Where(l => l.StartsWith("intruder: device", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            ["sockets tried", "ports tried", "addresses tried many", "3 exports, and its own file says mine", "files tried", "done"],
            lines.Except(devices).Select(l => l["intruder: ".Length..]));

        // Block device, entropy, balloon, filesystem.
        Assert.Equal(["device 2", "device 26", "device 4", "device 5"], devices.Select(d => d["intruder: ".Length..]).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["beside", "guarded", "writable"], Names(volumes));
        Assert.Equal(["passwd"], Names(Path.Combine(volumes, "beside")));
        Assert.Equal("of others", File.ReadAllText(Path.Combine(volumes, "beside", "passwd")));
        Assert.Equal(["secret"], Names(guarded));
        Assert.Equal("of the node's", File.ReadAllText(Path.Combine(guarded, "secret")));
        Assert.Equal("mine", File.ReadAllText(Path.Combine(writable, "own")));

        // The monitor has not suffered.
        Assert.Equal(spec.Id, Assert.Single((await pod.Client.StateAsync()).Containers).Id);
        VmPodConfinement.Check(pod.Process.Pid);
        await pod.Client.DeleteContainerAsync(spec.Id);
    }

    private static string Volume(string directory, string name, string file, string content)
    {
        var path = Directory.CreateDirectory(Path.Combine(directory, name)).FullName;
        File.WriteAllText(Path.Combine(path, file), content);
        return path;
    }

    private static FileDescriptor Tree(string path)
    {
        var tree = Mounts.OpenTree(FileDescriptor.CurrentDirectory, path, OpenTreeFlags.Clone);
        Mounts.MountSetAttr(tree, MountAttributes.None, propagation: MountFlags.Private);
        return tree;
    }

    private static IEnumerable<string> Names(string directory) => Directory.GetFileSystemEntries(directory).Select(e => Path.GetFileName(e)).Order(StringComparer.Ordinal);
}
