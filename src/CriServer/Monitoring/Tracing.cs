using System.Diagnostics;
using Crisp.CriServer.Hosting;
using Grpc.Core;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using StatusCode = Grpc.Core.StatusCode;

namespace Crisp.CriServer.Monitoring;

/// <summary>
/// A span for each CRI call, below the kubelet's own, and one for each request to a registry. They are sent only where the
/// environment names a collector, in OpenTelemetry's own variables; without one nothing is set up and a call costs a null check.
/// </summary>
internal static class Tracing
{
    private const string SourceName = "Crisp.CriServer";

    // .NET's own spans of HttpClient.
    private const string HttpSourceName = "System.Net.Http";
    private static readonly string[] _endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    private static readonly ActivitySource _source = new(SourceName, CrispVersion.Text);

    public static void AddTo(WebApplicationBuilder builder)
    {
        var variables = Environment.GetEnvironmentVariables();
        if (!_endpoints.Any(name => variables[name] is string { Length: > 0 }))
        {
            return;
        }

        // The exporter reads the configuration, which is empty otherwise: other variables are none of this program's options.
        builder.Configuration.AddInMemoryCollection(
            from name in variables.Keys.OfType<string>()
            where name.StartsWith("OTEL_", StringComparison.Ordinal)
            select new KeyValuePair<string, string?>(name, (string?)variables[name]));
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("crisp", serviceVersion: CrispVersion.Text))
            .WithTracing(traces => traces.AddSource(SourceName, HttpSourceName).AddOtlpExporter());
    }

    /// <summary>The span of a call, or null when nobody wants it. The kubelet sends its own along (W3C Trace Context).</summary>
    public static Activity? Start(ServerCallContext context)
    {
        if (!_source.HasListeners())
        {
            return null;
        }

        var headers = context.RequestHeaders;
        ActivityContext.TryParse(headers.GetValue("traceparent"), headers.GetValue("tracestate"), isRemote: true, out var parent);
        var span = _source.StartActivity(context.Method.TrimStart('/'), ActivityKind.Server, parent);
        span?.SetTag("rpc.system", "grpc");
        span?.SetTag("rpc.method", context.Method[(context.Method.LastIndexOf('/') + 1)..]);
        return span;
    }

    public static void End(Activity? span, StatusCode code, string detail)
    {
        span?.SetTag("rpc.grpc.status_code", (int)code);
        if (code != StatusCode.OK)
        {
            span?.SetStatus(ActivityStatusCode.Error, detail);
        }

        span?.Dispose();
    }
}
