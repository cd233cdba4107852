using System.Text;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Daemon;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Crisp.CriServer.Tests.Monitoring;

/// <summary>What a collector gets of a daemon that is told of it.</summary>
public sealed class TracingTests
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";

    [Fact]
    public async Task Calls_AreSentBelowTheSpanOfTheirCaller()
    {
        await using var collector = await Collector.StartAsync();
        await using var daemon = await CrispDaemon.StartAsync();
        await daemon.StopAsync();
        await daemon.StartAgainAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_BSP_SCHEDULE_DELAY", "100"));
        var headers = new Metadata { { "traceparent", $"00-{TraceId}-b7ad6b7169203331-01" } };
        await daemon.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest(), headers);
        await Assert.ThrowsAsync<RpcException>(async () => await daemon.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = "none" }, headers));
        var body = await collector.ReceivedAsync("PodSandboxStatus");
        Assert.Contains("runtime.v1.RuntimeService/ListPodSandbox", body, StringComparison.Ordinal);
        Assert.Contains("There is no pod none.", body, StringComparison.Ordinal);
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString(TraceId)), body, StringComparison.Ordinal);
        Assert.Contains("crisp", body, StringComparison.Ordinal);
    }

    private sealed class Collector(WebApplication app) : IAsyncDisposable
    {
        private readonly StringBuilder _received = new();

        public string Address => app.Urls.Single();

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            var app = builder.Build();
            app.Urls.Add("http://127.0.0.1:0");
            var collector = new Collector(app);
            app.MapPost("/v1/traces", collector.TakeAsync);
            await app.StartAsync();
            return collector;
        }

        /// <summary>Everything that came, byte for byte as Latin-1, once a word is among it.</summary>
        public async Task<string> ReceivedAsync(string word)
        {
            for (var i = 0; i < 300; i++)
            {
                lock (_received)
                {
                    if (_received.ToString().Contains(word, StringComparison.Ordinal))
                    {
                        return _received.ToString();
                    }
                }

                await Task.Delay(100);
            }

            throw new TimeoutException($"No span of {word} came.");
        }

        public async ValueTask DisposeAsync() => await app.DisposeAsync();

        private async Task TakeAsync(HttpContext context)
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            lock (_received)
            {
                _received.Append(Encoding.Latin1.GetString(body.ToArray()));
            }
        }
    }
}
