using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Crisp.Images.Tests.Registry;

/// <summary>
/// An HTTP server on a loopback port that serves what it is given, and misbehaves as it is told. It writes down every request.
/// </summary>
internal sealed class FakeRegistry : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<RequestDelegate>> _faults = [];
    private readonly ConcurrentQueue<SeenRequest> _requests = [];

    private FakeRegistry(WebApplication app)
    {
        _app = app;
        app.Run(AnswerAsync);
    }

    /// <summary>What is served, by path.</summary>
    public ConcurrentDictionary<string, Served> Content { get; } = [];

    /// <summary>Asked first; true when it has answered.</summary>
    public Func<HttpContext, Task<bool>> Gate { get; set; } = _ => Task.FromResult(false);

    public IReadOnlyList<SeenRequest> Requests => [.. _requests];

    /// <summary>scheme://127.0.0.1:port.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>As part of an image's name.</summary>
    public string Name => Url.Authority;

    /// <param name="certificate">For TLS, or null for plain HTTP.</param>
    /// <param name="wantsClientCertificate">Whether a client must show one; which one is for the test to check.</param>
    public static async Task<FakeRegistry> StartAsync(X509Certificate2? certificate = null, bool wantsClientCertificate = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (certificate is not null)
                {
                    listen.UseHttps(new HttpsConnectionAdapterOptions
                    {
                        ServerCertificate = certificate,
                        ClientCertificateMode = wantsClientCertificate ? ClientCertificateMode.AllowCertificate : ClientCertificateMode.NoCertificate,
                        ClientCertificateValidation = (_, _, _) => true,
                    });
                }
            });
        });
        builder.WebHost.UseKestrelHttpsConfiguration();
        var registry = new FakeRegistry(builder.Build());
        await registry._app.StartAsync();
        registry.Url = new Uri(registry._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return registry;
    }

    /// <summary>The next request for the path gets this instead of the content. Many queue up.</summary>
    public void FailOnce(string path, RequestDelegate answer) => _faults.GetOrAdd(path, _ => []).Enqueue(answer);

    public void FailOnce(string path, int status) => FailOnce(path, context =>
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    });

    /// <summary>Sends the first bytes, then ends the connection.</summary>
    public static RequestDelegate DropAfter(byte[] content, int count) => async context =>
    {
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content.AsMemory(0, count));
        await context.Response.Body.FlushAsync();
        context.Abort();
    };

    /// <summary>Sends the first bytes, then nothing until the client goes.</summary>
    public static RequestDelegate StallAfter(byte[] content, int count) => async context =>
    {
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content.AsMemory(0, count));
        await context.Response.Body.FlushAsync();
        await UntilGoneAsync(context);
    };

    public static async Task UntilGoneAsync(HttpContext context)
    {
        try
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // The client has gone.
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        _requests.Enqueue(new SeenRequest(
            request.Method,
            request.Path.Value!,
            request.QueryString.Value ?? "",
            request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase),
            context.Connection.ClientCertificate?.Subject));
        if (await Gate(context))
        {
            return;
        }

        if (_faults.TryGetValue(request.Path.Value!, out var queue) && queue.TryDequeue(out var fault))
        {
            await fault(context);
            return;
        }

        if (Content.TryGetValue(request.Path.Value!, out var served))
        {
            await ServeAsync(context, served);
            return;
        }

        context.Response.StatusCode = 404;
        await context.Response.WriteAsync("""{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}""");
    }

    private static async Task ServeAsync(HttpContext context, Served served)
    {
        if (served.Digest is not null)
        {
            context.Response.Headers["Docker-Content-Digest"] = served.Digest;
        }

        context.Response.ContentType = served.Type;
        var body = served.Bytes.AsMemory();
        if (context.Request.GetTypedHeaders().Range?.Ranges.First().From is { } from)
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{body.Length - 1}/{body.Length}";
            body = body[(int)from..];
        }

        context.Response.ContentLength = body.Length;
        if (context.Request.Method != "HEAD")
        {
            await context.Response.Body.WriteAsync(body);
        }
    }
}

internal sealed record Served(byte[] Bytes, string Type = "application/octet-stream", string? Digest = null);

/// <param name="ClientCertificate">Its subject, or null.</param>
internal sealed record SeenRequest(
    string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, string? ClientCertificate)
{
    public string? this[string header] => Headers.GetValueOrDefault(header);
}
