using Crisp.Linux;

namespace Crisp.Cgroups.Polling;

/// <summary>
/// Cgroups whose statistics are read again and again. Their files stay open from one reading to the next when that comes within a
/// few seconds: who polls each second pays a tenth, and for those who ask each ten seconds, as the kubelet does, nothing is held.
/// </summary>
public sealed class PolledCgroups : IDisposable
{
    // A container has some thirty files with all that can be asked, ten of them for CRI's statistics. Each takes about 5 kB.
    private const int MostFiles = 8192;

    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(2);
    private readonly ICgroupManager _manager;
    private readonly FileAllowance _allowance;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Polled> _cgroups = [];
    private readonly ITimer _timer;
    private bool _disposed;

    public PolledCgroups(ICgroupManager manager, TimeProvider time)
        : this(manager, time, (int)Math.Min(MostFiles, ResourceLimits.Descriptors / 4))
    {
    }

    internal PolledCgroups(ICgroupManager manager, TimeProvider time, int mostFiles)
    {
        _manager = manager;
        _allowance = new FileAllowance(mostFiles);
        _timer = time.CreateTimer(_ => CloseIdle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    internal int FilesHeld => _allowance.Taken;

    /// <summary>As <see cref="ICgroupManager.Open(CgroupPath)"/>; to be asked for at each reading, since that is how use is noticed.</summary>
    public ICgroup Get(string path)
    {
        lock (_gate)
        {
            if (!_cgroups.TryGetValue(path, out var polled))
            {
                var files = new HeldFiles(_allowance);
                polled = new Polled(_manager.Open(CgroupPath.Parse(path), files), files);
                if (_disposed)
                {
                    files.Close();
                    return polled.Cgroup;
                }

                if (_cgroups.Count == 0)
                {
                    _timer.Change(_interval, _interval);
                }

                _cgroups.Add(path, polled);
            }

            polled.Used = true;
            return polled.Cgroup;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _timer.Dispose();
            foreach (var polled in _cgroups.Values)
            {
                polled.Files.Close();
            }

            _cgroups.Clear();
        }
    }

    private void CloseIdle()
    {
        lock (_gate)
        {
            foreach (var (path, polled) in _cgroups)
            {
                if (!polled.Used)
                {
                    polled.Files.Close();
                    _cgroups.Remove(path);
                }

                polled.Used = false;
            }

            if (_cgroups.Count == 0 && !_disposed)
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private sealed class Polled(ICgroup cgroup, HeldFiles files)
    {
        public ICgroup Cgroup => cgroup;

        public HeldFiles Files => files;

        /// <summary>Since the timer looked last.</summary>
        public bool Used { get; set; }
    }
}
