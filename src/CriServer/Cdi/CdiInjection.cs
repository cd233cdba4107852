namespace Crisp.CriServer.Cdi;

/// <summary>The CDI devices of one container.</summary>
/// <param name="Devices">Their names, as <see cref="CdiNames.Asked"/> has them.</param>
/// <param name="Edits">What they change of it together.</param>
/// <param name="Problems">Sentences about files and directories that cannot be used, which are other devices' problems.</param>
public sealed record CdiInjection(IReadOnlyList<string> Devices, CdiEdits Edits, IReadOnlyList<string> Problems)
{
    public static CdiInjection None { get; } = new([], new CdiEdits(), []);
}
