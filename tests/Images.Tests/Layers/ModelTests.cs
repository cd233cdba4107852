using CsCheck;
using Crisp.Images.Tests.Builders;
using Crisp.Linux;
using Xunit;

namespace Crisp.Images.Tests.Layers;

/// <summary>
/// Random layers over random layers: what a container would see is what a plain reading of the entries says, whichever way
/// the layers were made, and what is refused is refused by both.
/// </summary>
public sealed class ModelTests : IDisposable
{
    private static readonly string[] _names = ["a", "b", "c"];
    private static readonly uint[] _modes = [0x1ED, 0x1C0, 0x9ED];
    private static readonly Gen<string> _path = Gen.Int[0, _names.Length - 1].Select(i => _names[i]).List[1, 3].Select(parts => string.Join('/', parts));

    // Directories are common, or nothing would ever have a parent.
    private static readonly Gen<ModelKind> _kind = Gen.Frequency(
        (5, Gen.Const(ModelKind.Directory)),
        (5, Gen.Const(ModelKind.File)),
        (2, Gen.Const(ModelKind.Symlink)),
        (2, Gen.Const(ModelKind.HardLink)),
        (3, Gen.Const(ModelKind.Whiteout)),
        (2, Gen.Const(ModelKind.Opaque)));

    private static readonly Gen<ModelEntry> _entry = Gen.Select(
        _kind, _path, Gen.Int[0, _modes.Length - 1].Select(i => _modes[i]), Gen.Select(Gen.Bool, _path, (absolute, path) => absolute ? $"/{path}" : path), Gen.Int[0, 1_000_000],
        (kind, path, mode, target, content) => new ModelEntry(kind, path, mode, kind == ModelKind.HardLink ? target.TrimStart('/') : target, $"{content}"));

    private readonly TemporaryDirectory _directory = new();

    public ModelTests() => Root.Required();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void RandomLayers_AreWhatTheirEntriesSay()
    {
        using var store = ImageStore.Open(_directory.File("images"));
        _entry.List[1, 8].List[1, 4].Sample(
            layers =>
            {
                var expected = Expected(layers);
                var actual = Actual(store, layers);
                return expected is null == actual is null && (expected is null || expected.SequenceEqual(actual!))
                    ? true
                    : throw new InvalidOperationException(
                        $"The model says:\n{Show(expected)}\nthe store says:\n{Show(actual)}\nfor:\n{string.Join("\n--\n", layers.Select(l => string.Join('\n', l)))}");
            },
            iter: 1500,
            threads: 2);
    }

    private static string Show(SortedDictionary<string, string>? lines)
        => lines is null ? "refused" : string.Join('\n', lines.Select(l => $"{l.Key} {l.Value}"));

    private static SortedDictionary<string, string>? Expected(List<List<ModelEntry>> layers)
    {
        var model = new ModelTree();
        try
        {
            foreach (var layer in layers)
            {
                model.BeginLayer();
                layer.ForEach(model.Apply);
            }

            return model.Lines();
        }
        catch (ModelTree.RefusedException)
        {
            return null;
        }
    }

    private static SortedDictionary<string, string>? Actual(ImageStore store, List<List<ModelEntry>> layers)
    {
        var archives = layers.Select(Archive).ToArray();
        try
        {
            var image = store.AddAsync(Content.Of(archives), null, CancellationToken.None).GetAwaiter().GetResult();
            var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var (path, line) in TreeView.Of(image).Lines.Where(l => l.Key != "/"))
            {
                var words = line.Split(' ');
                lines[path] = words[0] switch
                {
                    "Symlink" => line[..line.LastIndexOf(" @", StringComparison.Ordinal)].Replace("0:0 ", "", StringComparison.Ordinal),
                    "Regular" => $"Regular {words[1]} {words[^2]}",
                    _ => $"{words[0]} {words[1]}",
                };
            }

            store.Remove(image.Id);
            return lines;
        }
        catch (ImageException)
        {
            store.Collect();
            return null;
        }
        catch (LinuxException error) when (error.Errno == Errno.ELOOP)
        {
            return null;
        }
    }

    private static byte[] Archive(List<ModelEntry> entries)
    {
        var tar = new TarBuilder();
        foreach (var entry in entries)
        {
            _ = entry.Kind switch
            {
                ModelKind.Directory => tar.Directory(entry.Path, entry.Mode),
                ModelKind.File => tar.File(entry.Path, entry.Content, entry.Mode),
                ModelKind.Symlink => tar.Symlink(entry.Path, entry.Target),
                ModelKind.HardLink => tar.HardLink(entry.Path, entry.Target),
                ModelKind.Whiteout => tar.Whiteout(entry.Path),
                _ => tar.Opaque(entry.Path),
            };
        }

        return tar.ToArray();
    }
}
