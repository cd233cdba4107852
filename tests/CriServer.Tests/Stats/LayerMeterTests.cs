using System.Diagnostics;
using Crisp.CriServer.Containers;
using Crisp.CriServer.State;
using Crisp.CriServer.Stats;
using Crisp.CriServer.Tests.State;
using Crisp.Sandbox.Spec;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Crisp.CriServer.Tests.Stats;

public sealed class LayerMeterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RecordStore<ContainerRecord> _store;
    private readonly LayerMeter _meter = new(new LayerQuotas("/", NullLogger.Instance), NullLogger.Instance);

    public LayerMeterTests()
        => _store = new(_directory.Combine("c"), _directory.Combine("aside"), 1, RecordJson.Default.ContainerRecord);

    private string Upper => Directory.CreateDirectory(_directory.Combine("upper")).FullName;

    public void Dispose()
    {
        _meter.Dispose();
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void SmallLayer_IsMeasuredAtTheFirstQuestion()
    {
        File.WriteAllBytes(Path.Combine(Upper, "file"), new byte[100_000]);
        var before = Now();
        var measured = _meter.Get(Container(Upper))!;
        Assert.Equal(2UL, measured.Usage.Inodes);
        Assert.InRange(measured.Usage.Bytes, 100_000UL, 200_000UL);
        Assert.InRange(measured.Timestamp, before, Now());
    }

    [Fact]
    public void QuestionsSoonAfter_GetTheSameMeasurementWithItsOwnTime()
    {
        var container = Container(Upper);
        var first = _meter.Get(container);
        File.WriteAllText(Path.Combine(Upper, "new"), "");
        Assert.Same(first, _meter.Get(container));
    }

    [Fact]
    public async Task OldMeasurement_IsAnsweredAndRefreshedBehind()
    {
        var container = Container(Upper);
        var old = _meter.Get(container)! with { Timestamp = Now() - 31_000_000_000 };
        container.Layer.Last = old;
        File.WriteAllText(Path.Combine(Upper, "new"), "");
        Assert.Same(old, _meter.Get(container));
        await Until(() => _meter.Get(container)!.Usage.Inodes == 2);
        Assert.True(container.Layer.Last.Timestamp > old.Timestamp);
    }

    [Fact]
    public async Task LargeLayer_IsMeasuredBehindAndAbsentUntilThen()
    {
        for (var i = 0; i < 2500; i++)
        {
            File.WriteAllText(Path.Combine(Upper, $"{i}"), "");
        }

        var container = Container(Upper);
        Assert.Null(_meter.Get(container));
        await Until(() => _meter.Get(container)?.Usage.Inodes == 2501);
    }

    [Fact]
    public async Task LayerThatTakesLong_IsMeasuredLessOften()
    {
        var container = Container(Upper);
        var slow = _meter.Get(container)! with { Timestamp = Now() - 100_000_000_000, Duration = TimeSpan.FromSeconds(10) };
        container.Layer.Last = slow;
        Assert.Same(slow, _meter.Get(container));
        await Task.Delay(200);
        Assert.Same(slow, container.Layer.Last);
    }

    [Fact]
    public async Task ContainerThatHasEnded_IsMeasuredOnceMoreAtMost()
    {
        var container = Container(Upper);
        var measured = _meter.Get(container)! with { Timestamp = Now() - 100_000_000_000 };
        container.Layer.Last = measured;
        container.Change(r => r with { Stage = ContainerStage.Exited, Exit = new ContainerExit(0, measured.Timestamp - 1, "Completed", "") });
        Assert.Same(measured, _meter.Get(container));
        await Task.Delay(200);
        Assert.Same(measured, container.Layer.Last);
    }

    [Fact]
    public void LayerThatIsGone_IsNoError() => Assert.Null(_meter.Get(Container(_directory.Combine("nowhere"))));

    private LiveContainer Container(string upper)
    {
        var record = Records.Container("pod") with { Stage = ContainerStage.Running, Exit = null };
        var root = record.Spec.Root with { Source = new OverlaySource(["/l"], upper, "/w") };
        return new LiveContainer(record with { Spec = record.Spec with { Root = root } }, _store);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (var clock = Stopwatch.StartNew(); !condition(); await Task.Delay(10))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), "The measurement never came.");
        }
    }

    private static long Now() => CriServer.Runtime.Node.Now();
}
