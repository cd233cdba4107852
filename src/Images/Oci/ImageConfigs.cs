namespace Crisp.Images.Oci;

/// <summary>From the document to what a container takes of it.</summary>
internal static class ImageConfigs
{
    internal static ImageConfig From(OciImage image)
    {
        var config = image.Config ?? new OciExecution();
        return new ImageConfig
        {
            User = config.User ?? "",
            Env = Texts(config.Env),
            Entrypoint = Texts(config.Entrypoint),
            Cmd = Texts(config.Cmd),
            WorkingDir = config.WorkingDir ?? "",
            Volumes = [.. (config.Volumes ?? []).Keys],
            Labels = (config.Labels ?? []).ToDictionary(l => l.Key, l => l.Value ?? ""),
            StopSignal = string.IsNullOrEmpty(config.StopSignal) ? null : config.StopSignal,
            Architecture = image.Architecture ?? "",
            Os = image.Os ?? "",
            Created = image.Created,
        };
    }

    // JSON's null gets into any list.
    private static List<string> Texts(List<string>? texts) => [.. (texts ?? []).Where(t => t is not null)];
}
