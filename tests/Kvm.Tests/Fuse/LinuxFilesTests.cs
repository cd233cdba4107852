using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Crisp.Kvm.Fuse;
using Crisp.Kvm.Tests.Boot.Linux;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests.Fuse;

/// <summary>Linux's own driver: a guest mounts the exports, works with their files, and the node has what it wrote.</summary>
public sealed class LinuxFilesTests : IDisposable
{
    private const string Kernel = "CRISP_TEST_KERNEL";
    private const string Busybox = "/usr/bin/busybox";
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(20);

    // Every line that begins with "check" is a claim; one that does not hold ends in "failed".
    private const string Init =
        """
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        export PATH=/bin
        mount -t devtmpfs dev /dev; mount -t proc proc /proc
        [ ! -e /virtio_mmio.ko ] || insmod /virtio_mmio.ko
        check() { what=$1; shift; if "$@"; then echo "check $what: holds"; else echo "check $what: failed"; fi; }
        mkdir /m; mount -t virtiofs crisp /m || echo "check mount: failed"
        d=/m/data
        check root [ "$(ls /m | tr '\n' ' ')" = "data fixed ro " ]
        check sum [ "$(sha256sum < $d/given)" = "$(cat $d/given.sum)" ]
        dd if=/dev/urandom of=/large bs=1M count=16 2> /dev/null
        cp /large $d/large; sync; echo 3 > /proc/sys/vm/drop_caches
        check copy cmp /large $d/large
        sha256sum < $d/large > $d/large.sum
        check hardlink sh -c "ln $d/large $d/link && [ \$(stat -c %h $d/link) = 2 ] && [ \$(stat -c %i $d/link) = \$(stat -c %i $d/large) ]"
        check symlink sh -c "ln -s given $d/sym && cmp $d/sym $d/given"
        check exec sh -c "cp /bin/busybox $d/busybox && $d/busybox true"
        check append sh -c "echo one > $d/app; echo two >> $d/app; [ \$(wc -l < $d/app) = 2 ]"
        check unlinked sh -c "exec 5<> $d/gone; echo there >&5; rm $d/gone; echo more >&5; [ \$(stat -L -c %s /proc/self/fd/5) = 11 ]"
        check rename sh -c "echo old > $d/a; exec 5< $d/a; echo new > $d/b; mv $d/b $d/a; [ \"\$(cat $d/a) \$(cat <&5)\" = 'new old' ]"
        check sparse sh -c "truncate -s 64M $d/sparse && [ \$(du $d/sparse | cut -f1) -lt 64 ]"
        check owner sh -c "chmod 777 $d; chown 1000:1000 $d/a; [ \$(stat -c %u:%g $d/a) = 1000:1000 ]"
        check mode sh -c "umask 027; mkdir $d/dir; touch $d/dir/f; [ \$(stat -c %a $d/dir) = 750 ] && [ \$(stat -c %a $d/dir/f) = 640 ]"
        check fifo sh -c "mkfifo $d/fifo; (echo through > $d/fifo) & [ \$(cat $d/fifo) = through ]"
        check many sh -c "mkdir $d/many; for i in \$(seq 300); do echo \$i > $d/many/\$i; done; [ \$(ls $d/many | wc -l) = 300 ]"
        check remove sh -c "rm -r $d/many; [ ! -e $d/many ]"
        check readonly sh -c "! touch /m/ro/new 2> /dev/null && ! echo x 2> /dev/null > /m/ro/given && ! rm /m/ro/given 2> /dev/null"
        check file [ "$(cat /m/fixed)" = "a file alone" ]
        check filesystems [ "$(stat -c %d $d)" != "$(stat -c %d /m)" ]
        echo ready > $d/ready
        i=0; while [ "$(cat $d/config/value 2> /dev/null)" != second ] && [ $i -lt 600 ]; do i=$((i + 1)); usleep 100000; done
        check swapped [ "$(cat $d/config/value)" = second ]
        i=0; while [ -e /m/later/given ] || [ ! -e $d/removed ] && [ $i -lt 600 ]; do i=$((i + 1)); usleep 100000; done
        check later [ ! -e /m/later/given ]
        umount -l /m; sync
        echo "check end: holds"
        poweroff -f
        """;

    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"crisp-linux-files-{Guid.NewGuid():n}");

    [Fact]
    public void Guest_WorksWithTheFilesOfTheNode()
    {
        var kernelPath = Environment.GetEnvironmentVariable(Kernel);
        Assert.SkipUnless(kernelPath is not null && File.Exists(Busybox), $"needs {Kernel}=a vmlinux or bzImage, its modules, {Busybox}, and a KVM that runs kernels (the test VM has all)");
        using var system = KvmNode.Open();
        using var kernel = Files.Open(kernelPath, OpenFlags.ReadOnly);
        using var initramfs = TestGuest.Image(InitramfsTests.Write(a =>
        {
            foreach (var directory in new[] { "bin", "dev", "proc" })
            {
                a.AddDirectory(directory);
            }

            a.AddCharacterDevice("dev/console", 5, 1);
            a.AddFile("bin/busybox", File.ReadAllBytes(Busybox), 0x1ED);
            a.AddFile("init", Encoding.UTF8.GetBytes(Init.Replace("\r", "", StringComparison.Ordinal)), 0x1ED);
            if (Module("virtio_mmio") is { } module)
            {
                a.AddFile("virtio_mmio.ko", module, 0x1A4);
            }
        }));
        var given = Enumerable.Range(0, 1_000_000).Select(i => (byte)(i * 17 >> 3)).ToArray();
        Directory.CreateDirectory(Path.Combine(_directory, "v1"));
        Directory.CreateDirectory(Path.Combine(_directory, "v2"));
        File.WriteAllBytes(At("given"), given);
        File.WriteAllText(At("given.sum"), Sum(given));
        File.WriteAllText(At("v1/value"), "first");
        File.WriteAllText(At("v2/value"), "second");
        File.WriteAllText(At("alone"), "a file alone");
        File.CreateSymbolicLink(At("config"), "v1");
        var exports = new ExportTable();
        exports.Add("data", Files.Open(_directory, OpenFlags.Path), ExportOptions.Shared);
        exports.Add("ro", Files.Open(_directory, OpenFlags.Path), ExportOptions.Shared with { IsReadOnly = true });
        exports.Add("fixed", Files.Open(At("alone"), OpenFlags.Path), ExportOptions.Shared);
        var console = new StringBuilder();
        var options = new LinuxGuestOptions(2, 512 << 20, "console=ttyS0 panic=-1 quiet") { Exports = exports };
        using var guest = LinuxGuest.Create(system, options, new BootFile(kernel, kernelPath), new BootFile(initramfs, "test"), bytes =>
        {
            lock (console)
            {
                console.Append(Encoding.Latin1.GetString(bytes));
            }
        });

        guest.Machine.Start();
        if (WaitFor(guest.Machine, () => File.Exists(At("ready"))))
        {
            // As a configMap's directory is updated; then an export that comes, and goes.
            File.CreateSymbolicLink(At("config.new"), "v2");
            Files.RenameAt2(FileDescriptor.CurrentDirectory, At("config.new"), FileDescriptor.CurrentDirectory, At("config"));
            exports.Add("later", Files.Open(_directory, OpenFlags.Path), ExportOptions.Shared);
            Thread.Sleep(1000);
            exports.Remove("later");
            File.WriteAllText(At("removed"), "");
        }

        var end = guest.Machine.WaitForEnd(s_patience);
        string said;
        lock (console)
        {
            said = console.ToString();
        }

        Assert.True(end?.Outcome == VmOutcome.PoweredOff, $"{end?.Sentence ?? "It did not end."}\n{said}");
        Assert.True(said.Contains("check end: holds", StringComparison.Ordinal) && !said.Contains(": failed", StringComparison.Ordinal), said);
        Assert.Equal(File.ReadAllText(At("large.sum")).Trim(), Sum(File.ReadAllBytes(At("large"))));
        Assert.Equal("one\ntwo\n", File.ReadAllText(At("app")));
        Assert.Equal(given, File.ReadAllBytes(At("given")));
    }

    private static bool WaitFor(VirtualMachine machine, Func<bool> condition)
    {
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < s_patience && machine.Outcome is null; Thread.Sleep(200))
        {
            if (condition())
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A module of this node's kernel, which is the one that is tested; null where it is built in.</summary>
    private static byte[]? Module(string name)
    {
        var path = Directory.GetFiles("/lib/modules", $"{name}.ko*", SearchOption.AllDirectories).FirstOrDefault();
        if (path is null || !path.EndsWith(".xz", StringComparison.Ordinal))
        {
            return path is null ? null : File.ReadAllBytes(path);
        }

        using var unpack = Process.Start(new ProcessStartInfo(Busybox, ["xz", "-dc", path]) { RedirectStandardOutput = true })!;
        using var content = new MemoryStream();
        unpack.StandardOutput.BaseStream.CopyTo(content);
        unpack.WaitForExit();
        return unpack.ExitCode == 0 ? content.ToArray() : throw new InvalidOperationException($"{path} cannot be unpacked.");
    }

    private static string Sum(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content)) + "  -";

    private string At(string name) => Path.Combine(_directory, name);

    public void Dispose()
    {
        if (Directory.Exists(_directory))
        {
            Directory.Delete(_directory, recursive: true);
        }
    }
}
