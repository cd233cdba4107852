using System.Text.Json;
using Crisp.CriServer.Streaming.Spdy;
using Crisp.Linux;

namespace Crisp.CriServer.CommandLine.Streaming;

/// <summary>An exec or attach with this process's own standard streams.</summary>
internal static class RemoteCommand
{
    private const string Protocol = "v4.channel.k8s.io";
    private const int MaxStreams = 5;
    private const int MaxStatus = 64 << 10;

    /// <returns>The exit code.</returns>
    /// <exception cref="CommandException">It could not be carried out, or the daemon is gone.</exception>
    public static async Task<int> RunAsync(string url, bool stdin, bool terminal, CancellationToken cancellation)
    {
        await using var client = await StreamClient.ConnectAsync(url, Protocol, MaxStreams, cancellation);
        try
        {
            return await RunAsync(client.Connection, stdin, terminal, cancellation);
        }
        catch (IOException e)
        {
            throw new CommandException($"The daemon has closed the session: {e.Message}");
        }
    }

    private static async Task<int> RunAsync(SpdyConnection connection, bool stdin, bool terminal, CancellationToken cancellation)
    {
        var error = await OpenAsync(connection, "error", cancellation);
        var input = stdin ? await OpenAsync(connection, "stdin", cancellation) : null;
        var output = await OpenAsync(connection, "stdout", cancellation);
        var errors = terminal ? null : await OpenAsync(connection, "stderr", cancellation);
        var sizes = terminal ? await OpenAsync(connection, "resize", cancellation) : null;
        using var raw = terminal && stdin ? RawTerminal.TryEnter() : null;
        using var resizing = sizes is null ? null : new TerminalResizes(sizes);
        if (input is not null)
        {
            _ = SendInputAsync(input, cancellation);
        }

        await Task.WhenAll(PrintAsync(output, 1, cancellation), errors is null ? Task.CompletedTask : PrintAsync(errors, 2, cancellation));
        return ReadStatus(await ReadToEndAsync(error, cancellation));
    }

    private static Task<SpdyStream> OpenAsync(SpdyConnection connection, string type, CancellationToken cancellation)
        => connection.OpenAsync(new Dictionary<string, string> { ["streamtype"] = type }, cancellation);

    private static async Task SendInputAsync(SpdyStream input, CancellationToken cancellation)
    {
        using var file = new FileDescriptor(0, ownsHandle: false);
        var buffer = new byte[SpdyStream.MaxFrame];
        try
        {
            // .NET's own stream would read lines from a terminal. The thread that waits ends with the process.
            for (int count; (count = await Task.Run(() => Files.Read(file, buffer), cancellation)) > 0;)
            {
                await input.WriteAsync(buffer.AsMemory(0, count), cancellation);
            }

            await input.CompleteAsync(cancellation);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The command reads no more; its end is told elsewhere.
        }
    }

    private static async Task PrintAsync(SpdyStream stream, int number, CancellationToken cancellation)
    {
        await using var output = new DescriptorStream(number);
        await stream.CopyToAsync(output, cancellation);
    }

    private static async Task<byte[]> ReadToEndAsync(SpdyStream stream, CancellationToken cancellation)
    {
        var status = new byte[MaxStatus];
        return status[..await stream.ReadAtLeastAsync(status, MaxStatus, throwOnEndOfStream: false, cancellation)];
    }

    /// <summary>A Status of Kubernetes' API.</summary>
    internal static int ReadStatus(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var status = document.RootElement;
            if (Text(status, "status") == "Success")
            {
                return 0;
            }

            return Text(status, "reason") == "NonZeroExitCode"
                ? int.Parse(Text(status.GetProperty("details").GetProperty("causes")[0], "message"), System.Globalization.CultureInfo.InvariantCulture)
                : throw new CommandException(Text(status, "message"));
        }
        catch (Exception e) when (e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new CommandException("The daemon has closed the session without telling how the command ended.");
        }
    }

    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";
}
