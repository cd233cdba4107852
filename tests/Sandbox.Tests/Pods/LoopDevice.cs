using System.Text;
using Crisp.Linux;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Pods;

/// <summary>A block device of this kernel over a file (loop(4)).</summary>
internal sealed class LoopDevice : IDisposable
{
    /// <summary>Of those that are made with their file, in bytes.</summary>
    public const int Size = 1 << 20;

    private static readonly IoctlRequest _setFile = new("LOOP_SET_FD", 0x4C00), _clearFile = new("LOOP_CLR_FD", 0x4C01), _getFree = new("LOOP_CTL_GET_FREE", 0x4C82);

    private LoopDevice(string name) => Name = name;

    /// <summary>For example loop0.</summary>
    public string Name { get; }

    public string Path => $"/dev/{Name}";

    /// <summary>With a file that is made, and begins with the content.</summary>
    public static LoopDevice Create(string path, string content)
    {
        using (var file = File.Create(path))
        {
            file.Write(Encoding.ASCII.GetBytes(content));
            file.SetLength(Size);
        }

        return Create(path);
    }

    /// <param name="path">Of a file that exists.</param>
    public static LoopDevice Create(string path)
    {
        const string Control = "/dev/loop-control";
        Assert.SkipUnless(File.Exists(Control), "needs loop devices (modprobe loop)");
        using var control = Files.Open(Control, OpenFlags.ReadWrite);
        using var file = Files.Open(path, OpenFlags.ReadWrite);
        while (true)
        {
            var device = new LoopDevice($"loop{Ioctl.Call(control, _getFree)}");
            Assert.SkipUnless(File.Exists(device.Path), $"needs {device.Path}");
            using var opened = Files.Open(device.Path, OpenFlags.ReadWrite);
            if (Ioctl.TryCall(opened, _setFile, file.Number, out var errno) == 0)
            {
                return device;
            }

            // Somebody else took it meanwhile.
            Assert.Equal(Errno.EBUSY, errno);
        }
    }

    /// <summary>As a disk of a container's.</summary>
    /// <param name="path">In the container.</param>
    public DiskSpec Disk(string path, string access = "rwm") => new(path, new BlockDeviceSource(Path), access, 0x1B0, 0, 0);

    /// <summary>Fails while anybody has it open: the kernel waits for the last one then.</summary>
    public void Release()
    {
        Clear();
        Assert.False(IsBound, $"{Path} is still open.");
    }

    public void Dispose()
    {
        if (IsBound)
        {
            Clear();
        }
    }

    private bool IsBound => File.Exists($"/sys/block/{Name}/loop/backing_file");

    private void Clear()
    {
        using var opened = Files.Open(Path, OpenFlags.ReadOnly);
        Ioctl.Call(opened, _clearFile);
    }
}
