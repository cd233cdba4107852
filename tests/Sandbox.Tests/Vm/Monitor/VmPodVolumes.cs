using System.Diagnostics;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Xunit;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>Volumes of the kinds that the kubelet makes, in containers that are added while the machine runs.</summary>
internal static class VmPodVolumes
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    /// <summary>Two containers at once, each with volumes of its own, of which the node unmounts each when its container is gone.</summary>
    public static async Task CheckAsync(VmPodProcess pod)
    {
        using var config = new Volume(pod, "config", "");
        using var limited = new Volume(pod, "limited", "size=1m");
        using var seen = new Volume(pod, "seen", "");
        Publish(config.Path, "first");
        File.WriteAllText(Path.Combine(limited.Path, "own"), "");

        // What a config map is: a link to a directory of one moment, which is replaced as a whole.
        var watcher = pod.Container("sh", "-c", "! touch /config/x && touch /out/ready; while read x < /config/key && [ $x != second ]; do :; done; touch /out/second; ls /config /out");
        var writer = pod.Container("sh", "-c", "test -e /out/own && ! dd if=/dev/zero of=/out/big bs=64k count=64 && echo full; rm /out/big; echo rest > /out/rest; sync");
        var watching = await StartAsync(pod, watcher, (config, "/config", true), (seen, "/out", false));
        var writing = await StartAsync(pod, writer, (limited, "/out", false));
        await PodProcess.UntilAsync(() => File.Exists(Path.Combine(seen.Path, "ready")), "The watcher");
        var time = Stopwatch.StartNew();
        Publish(config.Path, "second");
        await PodProcess.UntilAsync(() => File.Exists(Path.Combine(seen.Path, "second")), "The change");

        // Within a second, and what an emulated processor takes for it.
        Assert.InRange(time.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.Equal(0, (await pod.Client.WaitAsync(watching).WaitAsync(_patience)).ExitCode);
        Assert.Equal(0, (await pod.Client.WaitAsync(writing).WaitAsync(_patience)).ExitCode);
        Assert.DoesNotContain("stdout F own", pod.Log(watching));
        Assert.Contains("stdout F full", pod.Log(writing));
        Assert.Equal("rest\n", File.ReadAllText(Path.Combine(limited.Path, "rest")));
        await pod.Client.DeleteContainerAsync(writing);
        limited.Unmount();
        await pod.Client.DeleteContainerAsync(watching);
        config.Unmount();
        seen.Unmount();
    }

    private static void Publish(string directory, string value)
    {
        var moment = Directory.CreateDirectory(Path.Combine(directory, $"..{value}")).Name;
        File.WriteAllText(Path.Combine(directory, moment, "key"), value + "\n");
        File.CreateSymbolicLink(Path.Combine(directory, "..data_tmp"), moment);
        Files.RenameAt2(FileDescriptor.CurrentDirectory, Path.Combine(directory, "..data_tmp"), FileDescriptor.CurrentDirectory, Path.Combine(directory, "..data"));
        if (!File.Exists(Path.Combine(directory, "key")))
        {
            File.CreateSymbolicLink(Path.Combine(directory, "key"), "..data/key");
        }
    }

    private static async Task<string> StartAsync(VmPodProcess pod, ContainerSpec spec, params (Volume Volume, string Target, bool IsReadOnly)[] volumes)
    {
        var trees = volumes.Select(v => v.Volume.Open()).ToArray();
        try
        {
            var mounts = volumes.Select(v => new MountSpec { Target = v.Target, Source = new BindSource(v.Volume.Path), Readonly = v.IsReadOnly });
            spec = await pod.CreateAsync(spec with { Mounts = [.. spec.Mounts, .. mounts] }, trees);
        }
        finally
        {
            Array.ForEach(trees, static t => t.Dispose());
        }

        await pod.Client.StartContainerAsync(spec.Id);
        return spec.Id;
    }

    /// <summary>A filesystem of its own on the node.</summary>
    private sealed class Volume : IDisposable
    {
        private bool _isMounted = true;

        public Volume(VmPodProcess pod, string name, string options)
        {
            Path = Directory.CreateDirectory(System.IO.Path.Combine(pod.Scratch, name)).FullName;
            Mounts.Mount("tmpfs", Path, "tmpfs", MountFlags.None, options);
        }

        public string Path { get; }

        public FileDescriptor Open()
        {
            var tree = Mounts.OpenTree(FileDescriptor.CurrentDirectory, Path, OpenTreeFlags.Clone);
            Mounts.MountSetAttr(tree, MountAttributes.None, propagation: MountFlags.Private);
            return tree;
        }

        /// <summary>Fails while anybody has it open.</summary>
        public void Unmount()
        {
            Mounts.Umount2(Path, UnmountFlags.None);
            _isMounted = false;
        }

        public void Dispose()
        {
            if (_isMounted)
            {
                Mounts.Umount2(Path, UnmountFlags.Detach);
            }
        }
    }
}
