using System.Globalization;
using System.Text;
using Crisp.Linux;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Xunit;

namespace Crisp.Sandbox.Tests.Logs;

public sealed class LogPumpTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);
    private readonly TemporaryDirectory _directory = new();
    private readonly LogBuffers _buffers = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void BothStreams_AreWrittenInCriFormat()
    {
        var run = Start("0.log");
        Files.WriteAll(run.Stdout, "one\ntwo"u8);
        Files.WriteAll(run.Stderr, "bad\n"u8);
        run.End();
        var lines = File.ReadAllLines(_directory.File("0.log"));
        Assert.Equal(["stderr F bad", "stdout F one", "stdout P two"], lines.Select(l => l[(LogTime.Length + 1)..]).Order(StringComparer.Ordinal));
        Assert.All(lines, l => Assert.True(DateTimeOffset.TryParse(l[..LogTime.Length], CultureInfo.InvariantCulture, out _), l));
    }

    [Fact]
    public void ReopeningUnderLoad_LosesNoLineAndPutsTheFollowingOnesInTheNewFile()
    {
        var run = Start("0.log");
        var path = _directory.File("0.log");
        const int Lines = 200_000;
        var writer = new Writer(run.Stdout, Lines);
        var rotations = 0;
        for (; !writer.HasEnded(TimeSpan.Zero) || rotations == 0; rotations++)
        {
            File.Move(path, $"{path}.{rotations}");
            run.Reopen();
            Assert.True(File.Exists(path));
            var before = new FileInfo($"{path}.{rotations}").Length;
            Thread.Sleep(5);
            Assert.Equal(before, new FileInfo($"{path}.{rotations}").Length);
        }

        run.End();
        Assert.True(rotations > 1);
        var files = Enumerable.Range(0, rotations).Select(i => $"{path}.{i}").Append(path);
        Assert.Equal(Enumerable.Range(0, Lines).Select(i => $"{i}"), files.SelectMany(File.ReadLines).Select(l => l.Split(' ')[3]));
    }

    [Fact]
    public void ReopeningFromManySidesAtOnce_LosesNoLine()
    {
        var run = Start("0.log");
        const int Lines = 100_000;
        var writer = new Writer(run.Stdout, Lines);
        var sides = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            while (!writer.HasEnded(TimeSpan.Zero))
            {
                run.Reopen();
            }
        })).ToList();
        sides.ForEach(s => s.Start());
        sides.ForEach(s => s.Join());
        run.End();
        Assert.Null(writer.Error);
        Assert.Equal(Enumerable.Range(0, Lines).Select(i => $"{i}"), File.ReadLines(_directory.File("0.log")).Select(l => l.Split(' ')[3]));
    }

    [Fact]
    public void FullDisk_MakesTheWriterWaitAndLosesNothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small disk needs root.");
        using var mount = new SmallDisk(_directory.File("disk"));
        var filler = Path.Combine(mount.Path, "filler");
        File.WriteAllBytes(filler, new byte[SmallDisk.Size - (64 << 10)]);
        var run = Start("disk/0.log");
        const int Lines = 50_000;
        var writer = new Writer(run.Stdout, Lines);
        Assert.False(writer.HasEnded(TimeSpan.FromMilliseconds(500)));

        // The half line on the full disk stays where it is; it is written whole to the new file.
        var path = Path.Combine(mount.Path, "0.log");
        File.Move(path, path + ".1");
        run.Reopen();
        File.Delete(filler);
        Assert.True(writer.HasEnded(_patience));
        run.End();
        var old = File.ReadAllLines(path + ".1");
        var whole = File.ReadAllText(path + ".1").EndsWith('\n') ? old : old[..^1];
        Assert.Equal(Enumerable.Range(0, Lines).Select(i => $"{i}"), whole.Concat(File.ReadLines(path)).Select(l => l.Split(' ')[3]));
    }

    [Fact]
    public void FullDisk_KeepsNoOtherLogFromBeingWritten()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Mounting a small disk needs root.");
        using var mount = new SmallDisk(_directory.File("disk"));
        File.WriteAllBytes(Path.Combine(mount.Path, "filler"), new byte[SmallDisk.Size - (8 << 10)]);
        var stuck = Start("disk/0.log");
        var free = Start("0.log");
        var writer = new Writer(stuck.Stdout, 50_000);
        Assert.True(new Writer(free.Stdout, 50_000).HasEnded(_patience));
        free.End();
        Assert.Equal(50_000, File.ReadLines(_directory.File("0.log")).Count());
        Assert.False(writer.HasEnded(TimeSpan.Zero));

        // Nobody can be made to wait for ever: the pump ends when its container is deleted.
        stuck.Pump.Dispose();
        Assert.True(writer.HasEnded(_patience));
        Assert.Equal(Errno.EPIPE, writer.Error?.Errno);
        stuck.Stdout.Dispose();
        stuck.Stderr.Dispose();
    }

    [Fact]
    public void StrangerWhoHoldsThePipe_DoesNotHoldUpTheEnd()
    {
        var run = Start("0.log");
        using var stranger = run.Stdout.Duplicate();
        Files.WriteAll(run.Stdout, "last words"u8);
        run.End();
        Assert.EndsWith("stdout P last words\n", File.ReadAllText(_directory.File("0.log")), StringComparison.Ordinal);
    }

    [Fact]
    public void StrangerWhoGoesOnWriting_DoesNotHoldUpTheEnd()
    {
        var run = Start("0.log");
        using var stranger = run.Stdout.Duplicate();
        var writer = new Writer(stranger, int.MaxValue);
        while (new FileInfo(_directory.File("0.log")).Length < 100_000)
        {
            Thread.Sleep(1);
        }

        run.End();
        Assert.True(writer.HasEnded(_patience));
        Assert.Equal(Errno.EPIPE, writer.Error?.Errno);
    }

    [Fact]
    public void Symlink_IsNeverFollowed()
    {
        var victim = _directory.File("victim");
        File.WriteAllText(victim, "");
        File.CreateSymbolicLink(_directory.File("0.log"), victim);
        Directory.CreateDirectory(_directory.File("real"));
        Directory.CreateSymbolicLink(_directory.File("linked"), _directory.File("real"));
        Assert.Contains("symlink", Refused("0.log"), StringComparison.Ordinal);
        Assert.Contains("symlink", Refused("linked/0.log"), StringComparison.Ordinal);
        Assert.Contains("leads out", Refused("../0.log"), StringComparison.Ordinal);
        Assert.Contains("leads out", Refused("/etc/0.log"), StringComparison.Ordinal);
        Files.MknodAt(FileDescriptor.CurrentDirectory, _directory.File("fifo"), FileType.Fifo, 0x180);
        using var reader = Files.Open(_directory.File("fifo"), OpenFlags.ReadOnly | OpenFlags.NonBlocking);
        Assert.Contains("no regular file", Refused("fifo"), StringComparison.Ordinal);
        Assert.Contains("ENXIO", WithoutReader(reader), StringComparison.Ordinal);
        Assert.Equal("", File.ReadAllText(victim));
    }

    [Fact]
    public void SymlinkAfterARotation_KeepsTheOldFile()
    {
        var run = Start("0.log");
        var path = _directory.File("0.log");
        File.Move(path, path + ".1");
        File.CreateSymbolicLink(path, _directory.File("victim"));
        Assert.IsType<SandboxException>(Assert.ThrowsAny<Exception>(run.Reopen));
        Files.WriteAll(run.Stdout, "line\n"u8);
        run.End();
        Assert.EndsWith("stdout F line\n", File.ReadAllText(path + ".1"), StringComparison.Ordinal);
        Assert.False(File.Exists(_directory.File("victim")));
    }

    private string Refused(string name)
        => Assert.Throws<SandboxException>(() => LogFile.Open(new LogSpec(_directory.Path, name))).Message;

    private string WithoutReader(FileDescriptor reader)
    {
        reader.Dispose();
        return Refused("fifo");
    }

    private Running Start(string name)
    {
        var (stdoutRead, stdoutWrite) = Pipes.Create();
        var (stderrRead, stderrWrite) = Pipes.Create();
        Files.SetNonBlocking(stdoutRead, true);
        Files.SetNonBlocking(stderrRead, true);
        var writer = new LogWriter(LogFile.Open(new LogSpec(_directory.Path, name)), _buffers);
        var pump = new LogPump(
            writer,
            new LogSource(stdoutRead, isTerminal: false, isStderr: false, _buffers),
            new LogSource(stderrRead, isTerminal: false, isStderr: true, _buffers));
        return new Running(pump, stdoutWrite, stderrWrite);
    }

    private sealed record Running(LogPump Pump, FileDescriptor Stdout, FileDescriptor Stderr)
    {
        public void Reopen()
        {
            var done = new TaskCompletionSource();
            Pump.Reopen(e => _ = e is null ? done.TrySetResult() : done.TrySetException(e));
            done.Task.WaitAsync(_patience).GetAwaiter().GetResult();
        }

        /// <summary>What the end of the container's processes does.</summary>
        public void End()
        {
            Stdout.Dispose();
            Stderr.Dispose();
            using var done = new ManualResetEventSlim();
            Pump.Drain(done.Set);
            Assert.True(done.Wait(_patience));
        }
    }

    /// <summary>Writes numbered lines, as fast as the pipe takes them.</summary>
    private sealed class Writer
    {
        private readonly Thread _thread;

        public Writer(FileDescriptor pipe, int count)
        {
            _thread = new Thread(() => Write(pipe, count)) { IsBackground = true };
            _thread.Start();
        }

        public LinuxException? Error { get; private set; }

        public bool HasEnded(TimeSpan patience) => _thread.Join(patience);

        private void Write(FileDescriptor pipe, int count)
        {
            var text = new StringBuilder();
            try
            {
                for (var i = 0; i < count; i++)
                {
                    text.Append(i).Append('\n');
                    if (text.Length > 1000 || i == count - 1)
                    {
                        Files.WriteAll(pipe, Encoding.ASCII.GetBytes(text.ToString()));
                        text.Clear();
                    }
                }
            }
            catch (LinuxException e)
            {
                Error = e;
            }
        }
    }

    /// <summary>A disk that is soon full.</summary>
    private sealed class SmallDisk : IDisposable
    {
        public const int Size = 8 << 20;

        public SmallDisk(string path)
        {
            Path = path;
            Directory.CreateDirectory(path);
            Mounts.Mount("tmpfs", path, "tmpfs", MountFlags.None, $"size={Size}");
        }

        public string Path { get; }

        public void Dispose() => Mounts.Umount2(Path, UnmountFlags.Detach);
    }
}
