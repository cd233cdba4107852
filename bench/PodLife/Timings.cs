using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Crisp.PodLife;

/// <summary>How long each call took, by its name, in the order in which names were first seen.</summary>
internal sealed class Timings
{
    private readonly List<(string Call, List<double> Milliseconds)> _calls = [];

    public async Task<T> MeasureAsync<T>(string call, Func<Task<T>> work)
    {
        var start = Stopwatch.GetTimestamp();
        var result = await work();
        Of(call).Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        return result;
    }

    /// <summary>A row for each call: count, then minimum, median, p95 and maximum in milliseconds.</summary>
    public string ToTable()
    {
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture, $"{"call",-28}{"runs",6}{"min",9}{"median",9}{"p95",9}{"max",9}\n");
        foreach (var (call, samples) in _calls)
        {
            var sorted = samples.Order().ToArray();
            table.Append(
                CultureInfo.InvariantCulture,
                $"{call,-28}{sorted.Length,6}{sorted[0],9:0.00}{Quantile(sorted, 0.5),9:0.00}{Quantile(sorted, 0.95),9:0.00}{sorted[^1],9:0.00}\n");
        }

        return table.ToString();
    }

    private static double Quantile(double[] sorted, double share)
        => sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];

    private List<double> Of(string call)
    {
        var known = _calls.Find(c => c.Call == call).Milliseconds;
        if (known is null)
        {
            known = [];
            _calls.Add((call, known));
        }

        return known;
    }
}
