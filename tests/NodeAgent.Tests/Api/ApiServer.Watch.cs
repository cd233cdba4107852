using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Crisp.NodeAgent.Tests.Api;

internal sealed partial class ApiServer
{
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource _drop = new();
    private int _watches;

    /// <summary>Watches that are open now.</summary>
    public int Watches => Volatile.Read(ref _watches);

    /// <summary>Versions before this one are forgotten: a watch from there gets an ERROR with 410 (Expired).</summary>
    public long OldestVersion { get; set; }

    /// <summary>Forgets everything up to now.</summary>
    public void Compact()
    {
        lock (_gate)
        {
            OldestVersion = ++_version;
        }
    }

    /// <summary>Cuts the connections of all open watches.</summary>
    public void DropWatches() => Interlocked.Exchange(ref _drop, new CancellationTokenSource()).Cancel();

    private void Wake() => Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    private async Task WatchAsync(HttpContext context)
    {
        var drop = Volatile.Read(ref _drop).Token;
        var from = long.Parse($"{context.Request.Query["resourceVersion"]}", CultureInfo.InvariantCulture);
        var prefix = $"{context.Request.Path}/";
        context.Response.ContentType = "application/json";
        await context.Response.Body.FlushAsync(context.RequestAborted);
        if (from < OldestVersion)
        {
            var error = new JsonObject { ["type"] = "ERROR", ["object"] = Status(410, $"too old resource version: {from} ({OldestVersion})") };
            await context.Response.WriteAsync(error.ToJsonString() + "\n");
            return;
        }

        Interlocked.Increment(ref _watches);
        try
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, drop);
            while (true)
            {
                var changed = Volatile.Read(ref _changed).Task;
                List<(long Version, string Type, string Path, JsonObject Object)> news;
                lock (_gate)
                {
                    news = [.. _changes.Where(c => c.Version > from && c.Path.StartsWith(prefix, StringComparison.Ordinal))
                        .Where(c => SelectsField($"{context.Request.Query["fieldSelector"]}", c.Object))];
                }

                foreach (var (version, type, _, value) in news)
                {
                    from = version;
                    await context.Response.WriteAsync(new JsonObject { ["type"] = type, ["object"] = value.DeepClone() }.ToJsonString() + "\n", end.Token);
                    await context.Response.Body.FlushAsync(end.Token);
                }

                await changed.WaitAsync(end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
        finally
        {
            Interlocked.Decrement(ref _watches);
        }
    }
}
