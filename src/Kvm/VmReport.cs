using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Crisp.Kvm;

/// <summary>One virtual processor's part of a report.</summary>
/// <param name="Exits">How often it left the guest, by reason; <c>interrupted</c> is the monitor's own doing.</param>
public sealed record VcpuReport(int Id, IReadOnlyDictionary<string, long> Exits);

/// <summary>What a virtual machine has done until now.</summary>
/// <param name="State">ready, running, paused or ended.</param>
/// <param name="UptimeSeconds">Since its start, without the time it was paused.</param>
/// <param name="Outcome">Of one that has ended: halted, poweredOff, reset, tripleFault, stopped or failed.</param>
/// <param name="Reason">A sentence about the end.</param>
public sealed record VmReport(
    string State, double UptimeSeconds, double PausedSeconds, int Pauses, long MemoryBytes, IReadOnlyList<VcpuReport> Vcpus, string? Outcome, string? Reason)
{
    /// <summary>One line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, VmReportJson.Default.VmReport);

    /// <summary>Lines for people, each with its end.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{State}, up {UptimeSeconds:F3} s, paused {Pauses} times for {PausedSeconds:F3} s\n");
        foreach (var vcpu in Vcpus)
        {
            var exits = vcpu.Exits.Count == 0 ? "no exit yet" : string.Join(", ", vcpu.Exits.Select(e => $"{e.Key} {e.Value}"));
            text.Append(CultureInfo.InvariantCulture, $"processor {vcpu.Id}: {exits}\n");
        }

        return Reason is null ? text.ToString() : text.Append(Reason).Append('\n').ToString();
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(VmReport))]
internal sealed partial class VmReportJson : JsonSerializerContext;
