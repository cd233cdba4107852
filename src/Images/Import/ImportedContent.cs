namespace Crisp.Images.Import;

/// <summary>An image that was found, and the names that its archive gives it.</summary>
/// <param name="Names">Of a docker archive or of annotations; each has a tag.</param>
/// <param name="Target">The digest that a name of this image resolves to (of an index where there is one), or null without a manifest.</param>
internal sealed record ImportedContent(ImageContent Content, IReadOnlyList<ImageReference> Names, Digest? Target);
