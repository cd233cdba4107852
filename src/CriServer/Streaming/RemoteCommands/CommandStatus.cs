using System.Globalization;
using System.Text.Json;

namespace Crisp.CriServer.Streaming.RemoteCommands;

/// <summary>How an exec or attach ended, for the client's error stream.</summary>
/// <param name="ExitCode">Of the command; 0 for an attach. Null when crisp could not do it.</param>
internal sealed record CommandStatus(int? ExitCode, string Message)
{
    public static CommandStatus Exited(int code)
        => new(code, code == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"command terminated with non-zero exit code: exit status {code}"));

    public static CommandStatus Failed(string message) => new(null, message);

    /// <summary>A Status of Kubernetes' API (metav1.Status), as protocols from v4.channel.k8s.io on carry it.</summary>
    public byte[] ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteEndObject();
            json.WriteString("status", ExitCode == 0 ? "Success" : "Failure");
            if (ExitCode != 0)
            {
                WriteFailure(json);
            }

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private void WriteFailure(Utf8JsonWriter json)
    {
        json.WriteString("message", Message);
        json.WriteString("reason", ExitCode is null ? "InternalError" : "NonZeroExitCode");
        json.WriteStartObject("details");
        json.WriteStartArray("causes");
        json.WriteStartObject();
        if (ExitCode is { } code)
        {
            json.WriteString("reason", "ExitCode");
            json.WriteString("message", code.ToString(CultureInfo.InvariantCulture));
        }
        else
        {
            json.WriteString("message", Message);
        }

        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        if (ExitCode is null)
        {
            json.WriteNumber("code", 500);
        }
    }
}
