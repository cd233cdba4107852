using System.Text.Json;
using Crisp.Install.Host;

namespace Crisp.NodeAgent.Switching;

/// <summary>What the agent keeps on the host: the switch that is under way or was last, and the way back.</summary>
internal sealed class SwitchStore(HostRoot host)
{
    public const string Directory = "/var/lib/crisp-node-agent";
    private const string RecordFile = Directory + "/switch.json";
    private const string ConfirmationFile = Directory + "/confirmed";
    private const string OriginalFile = Directory + "/kubelet.json";

    /// <summary>Null where there was no switch yet.</summary>
    /// <exception cref="HostException">The record is there and cannot be understood: nothing may be guessed about a node's kubelet.</exception>
    public SwitchRecord? Load() => host.ReadText(RecordFile) is not { } text ? null
        : SwitchRecord.Read(text) ?? throw Damaged(RecordFile);

    public void Save(SwitchRecord record) => host.WriteText(RecordFile, SwitchRecord.Write(record));

    /// <summary>The id of the switch that the agent has found to have worked.</summary>
    public string? Confirmation() => host.ReadText(ConfirmationFile)?.Trim();

    public void Confirm(string id) => host.WriteText(ConfirmationFile, id + "\n");

    /// <summary>What the kubelet's file said before crisp; null when the node was never switched, or is back.</summary>
    public KubeletSetting? Original()
    {
        if (host.ReadText(OriginalFile) is not { } text)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(text, SwitchJson.Default.KubeletSetting) ?? throw Damaged(OriginalFile);
        }
        catch (JsonException)
        {
            throw Damaged(OriginalFile);
        }
    }

    public void SaveOriginal(KubeletSetting setting) => host.WriteText(OriginalFile, JsonSerializer.Serialize(setting, SwitchJson.Default.KubeletSetting) + "\n");

    public void ForgetOriginal() => host.Remove(OriginalFile);

    /// <summary>Removes everything, at the uninstallation.</summary>
    public void Clear()
    {
        host.Remove(RecordFile);
        host.Remove(ConfirmationFile);
        host.Remove(OriginalFile);
        host.RemoveEmpty(Directory);
    }

    private static HostException Damaged(string file) => new(
        $"{file} on the host cannot be understood. See which runtime the kubelet uses, put that right by hand, and remove the file.");
}
