using System.CommandLine;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp image</c>.</summary>
internal static class ImageCommand
{
    public static Command Create() => new("image", "Work with the node's images.") { ImageImportCommand.Create(), ImageRemoveCommand.Create() };
}
