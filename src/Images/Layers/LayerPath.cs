namespace Crisp.Images.Layers;

/// <summary>
/// A name of an archive's entry as a path beneath the layer's root: "usr/bin/sh", empty for the root itself. Where symlinks
/// lead is for the kernel (openat2, RESOLVE_IN_ROOT); this only refuses names that no honest archive has.
/// </summary>
internal readonly record struct LayerPath(string Text)
{
    // PATH_MAX (linux/limits.h).
    private const int MaxPath = 4096;

    internal static LayerPath Root { get; } = new("");

    internal bool IsRoot => Text.Length == 0;

    internal string Name => Text[(Text.LastIndexOf('/') + 1)..];

    internal LayerPath Parent => Text.LastIndexOf('/') is var slash and >= 0 ? new LayerPath(Text[..slash]) : Root;

    internal IEnumerable<string> Parts => Text.Split('/', StringSplitOptions.RemoveEmptyEntries);

    /// <param name="part">One name.</param>
    internal LayerPath Append(string part) => new(IsRoot ? part : $"{Text}/{part}");

    /// <summary>A leading slash and "." mean nothing, ".." goes one up as in every runtime, but never above the root.</summary>
    /// <exception cref="ImageException">The name leads out of the layer, has a NUL or is too long.</exception>
    internal static LayerPath Parse(string name)
    {
        if (name.Length > MaxPath || name.Contains('\0', StringComparison.Ordinal))
        {
            throw ImageException.Bad($"The archive has the name \"{Shorten(name)}\", which is longer than {MaxPath} characters or has a NUL.");
        }

        var parts = new List<string>();
        foreach (var part in name.Split('/'))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                {
                    throw ImageException.Bad($"The archive has the name \"{Shorten(name)}\", which leads out of it.");
                }

                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("" or "."))
            {
                parts.Add(part);
            }
        }

        return new LayerPath(string.Join('/', parts));
    }

    public override string ToString() => $"/{Text}";

    private static string Shorten(string text) => text.Length <= 200 ? text : $"{text[..200]}…";
}
