using Crisp.Cgroups;
using Crisp.Kvm;
using Crisp.Linux;
using Crisp.Sandbox.Client;
using Crisp.Sandbox.Spec;
using Crisp.Sandbox.Tests.Pods;
using Crisp.Sandbox.Vm.Monitor;

namespace Crisp.Sandbox.Tests.Vm.Monitor;

/// <summary>
/// A guest without a machine: crisp-sandbox runs on this kernel, is reached over a unix socket, and finds its exports in a
/// directory. Everything that it does is what process 1 of a real guest does.
/// </summary>
internal sealed class ProcessGuest : IGuestMachine
{
    private static readonly ICgroupManager _cgroups = CgroupManager.Detect();
    private readonly string _id;
    private readonly string _directory;
    private readonly SandboxLauncher _launcher = SandboxLauncher.Open(PodProcess.Program);
    private readonly HashSet<string> _exports = [];
    private Thread? _waiter;
    private bool _disposed;
    private Action<string>? _played;

    public ProcessGuest(string id, string directory)
    {
        (_id, _directory) = (id, Directory.CreateDirectory(directory, (UnixFileMode)0x1C0).FullName);
        Directory.CreateDirectory(Path.Combine(_directory, "exports"));
        Directory.CreateDirectory(Path.Combine(_directory, "shm"));
        Directory.CreateDirectory(Path.Combine(_directory, "block"));
    }

    public SandboxProcess? Process { get; private set; }

    public string Console => Process is null ? "" : File.ReadAllText(Path.Combine(_directory, "stderr"));

    /// <summary>What a test says: there are no processors.</summary>
    public IReadOnlyDictionary<string, long> Exits { get; set; } = new Dictionary<string, long>();

    /// <summary>How many there are.</summary>
    public int Exports => _exports.Count;

    /// <summary>What is in its disk slots.</summary>
    public Dictionary<int, (FileDescriptor Device, bool IsReadOnly)> Disks { get; } = [];

    /// <summary>Of a guest that the test plays; empty for one that is a process.</summary>
    public string SocketPath { get; init; } = "";

    /// <summary>The cgroup that the pod has in the guest.</summary>
    public string CgroupPath => $"crisp-{_id[..12]}";

    /// <summary>Called first of all when it is started, on the thread that does.</summary>
    public Action Starting { get; set; } = static () => { };

    /// <summary>Called instead of taking rights from a thread: the test's process keeps them.</summary>
    public Action Confining { get; set; } = static () => { };

    public void ConfineThread() => Confining();

    public byte[] Start(VmSpec spec, FileDescriptor networkNamespace, Action<string> ended)
    {
        Starting();
        if (SocketPath.Length > 0)
        {
            _played = ended;
            return [];
        }

        var launch = new SandboxLaunch(_id, _directory) { GuestMounts = _directory };
        var (process, client) = _launcher.LaunchAsync(launch, new SandboxClientOptions { CallTimeout = TimeSpan.FromSeconds(60) }).GetAwaiter().GetResult();
        client.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Process = process;
        _waiter = new Thread(() =>
        {
            process.WaitForEnd(TimeSpan.FromMinutes(10));

            // The end of a machine is the end of its processes.
            _cgroups.Open(Cgroups.CgroupPath.Parse(CgroupPath)).Kill(TimeSpan.FromSeconds(10));
            ended("Its process has ended.");
        });
        _waiter.Start();
        return [];
    }

    public FileDescriptor Connect() => Sockets.Connect(SocketPath.Length > 0 ? SocketPath : Path.Combine(_directory, "sandbox.sock"), nonBlocking: true);

    public void Export(string name, FileDescriptor tree, bool isReadOnly, bool isShared)
    {
        using (tree)
        {
            var path = PathOf(name);
            if (Files.Status(tree).Type == FileType.Directory)
            {
                Directory.CreateDirectory(path);
            }
            else
            {
                File.WriteAllText(path, "");
            }

            Mounts.MoveMount(tree, "", FileDescriptor.CurrentDirectory, path, MoveMountFlags.FromEmptyPath);
            _exports.Add(name);
        }
    }

    public void Unexport(string name)
    {
        if (_exports.Remove(name))
        {
            Mounts.Umount2(PathOf(name), UnmountFlags.Detach);
        }
    }

    /// <summary>A disk of this guest is the node's own device, by the name that the device has.</summary>
    public void AttachDisk(int slot, FileDescriptor device, long length, bool isReadOnly)
    {
        DetachDisk(slot);
        Disks.Add(slot, (device, isReadOnly));
        var (status, disk) = (Files.Status(device), Directory.CreateDirectory(DiskPath(device)).FullName);
        File.WriteAllText(Path.Combine(disk, "serial"), $"{DiskSlot.NameOf(slot)}\n");
        File.WriteAllText(Path.Combine(disk, "dev"), $"{status.DeviceMajor}:{status.DeviceMinor}\n");
        File.WriteAllText(Path.Combine(disk, "size"), $"{length / DiskSlot.SectorSize}\n");
    }

    public void DetachDisk(int slot)
    {
        if (Disks.Remove(slot, out var disk))
        {
            Directory.Delete(DiskPath(disk.Device), recursive: true);
            disk.Device.Dispose();
        }
    }

    public void Stop(string sentence)
    {
        if (!_disposed)
        {
            Process?.Kill();
            Interlocked.Exchange(ref _played, null)?.Invoke(sentence);
        }
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Process?.Kill();
        _waiter?.Join();
        foreach (var name in _exports.ToList())
        {
            Unexport(name);
        }

        foreach (var slot in Disks.Keys.ToList())
        {
            DetachDisk(slot);
        }

        var cgroup = _cgroups.Open(Cgroups.CgroupPath.Parse(CgroupPath));
        cgroup.Kill(TimeSpan.FromSeconds(10));
        cgroup.Remove(TimeSpan.FromSeconds(10));
        Process?.Dispose();
        _launcher.Dispose();
    }

    private string DiskPath(FileDescriptor device) => Path.Combine(_directory, "block", Path.GetFileName(File.ResolveLinkTarget(device.ProcPath, returnFinalTarget: false)!.FullName));

    private string PathOf(string name) => Path.Combine(_directory, "exports", name);
}
