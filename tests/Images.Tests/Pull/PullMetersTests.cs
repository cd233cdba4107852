using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Crisp.Images.Tests.Builders;
using Xunit;

namespace Crisp.Images.Tests.Pull;

public sealed class PullMetersTests : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<(string Name, double Value, string? Result)> _measured = new();

    public PullMetersTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == ImageMeters.Name)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => _measured.Enqueue((instrument.Name, value, tags.Length > 0 ? (string?)tags[0].Value : null)));
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => _measured.Enqueue((instrument.Name, value, null)));
        _listener.Start();
    }

    public void Dispose() => _listener.Dispose();

    // Other tests pull at the same time, so that what is seen is at least this.
    [Fact]
    public async Task PullsAndLayers_AreMeasuredByTheirEnds()
    {
        await using var fixture = await PullFixture.StartAsync();
        var layer = new TarBuilder().Directory("d").File("d/file", Convert.ToHexString(RandomNumberGenerator.GetBytes(50_000))).ToArray();
        new ServedImage(layer).On(fixture.Registry);
        await fixture.PullAsync();
        Assert.Contains(_measured, m => m is { Name: ImageMeters.PullDuration, Result: "done", Value: > 0 });
        Assert.Contains(_measured, m => m.Name == ImageMeters.LayerDuration && m.Value > 0);
        Assert.Contains(_measured, m => m.Name == ImageMeters.LayerBytes && m.Value > 50_000 && m.Value < layer.Length);
        await fixture.RefusedAsync("missing");
        Assert.Contains(_measured, m => m is { Name: ImageMeters.PullDuration, Result: "failed" });
    }
}
