using Crisp.Cri.V1;
using Google.Protobuf.Reflection;
using Xunit;

namespace Crisp.CriServer.Tests.Api;

/// <summary>
/// The compiled descriptors and the table of the upstream API say the same, row by row and in both directions: a missing
/// field, a wrong number, another type or an invention of our own is a failure with the row's text.
/// </summary>
public sealed class CriTableTests
{
    private static readonly List<string> _table = ReadTable();

    [Fact]
    public void Descriptors_HaveEveryRowOfTheTable() => Assert.Empty(_table.Except(Describe()));

    [Fact]
    public void Descriptors_HaveNoRowBeyondTheTable() => Assert.Empty(Describe().Except(_table));

    [Fact]
    public void Table_HasEachRowOnce_AndAllOfThem()
    {
        Assert.Equal(_table.Count, _table.Distinct().Count());
        Assert.Equal(43, _table.Count(row => row.StartsWith("rpc\t", StringComparison.Ordinal)));
        Assert.Equal(_table.Count, Describe().Count());
    }

    [Fact]
    public void Services_HaveTheNamesOfTheWire()
    {
        Assert.Equal("runtime.v1", ApiReflection.Descriptor.Package);
        Assert.Equal(
            ["runtime.v1.RuntimeService", "runtime.v1.ImageService"],
            ApiReflection.Descriptor.Services.Select(service => service.FullName));
    }

    private static List<string> ReadTable()
    {
        using var stream = typeof(CriTableTests).Assembly.GetManifestResourceStream("cri-v1.tsv")!;
        using var reader = new StreamReader(stream);
        var rows = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#'))
            {
                // Blanks within options mean nothing: [deprecated=true], [debug_redact = true].
                rows.Add(line.Replace(" = ", "=", StringComparison.Ordinal).TrimEnd('\t'));
            }
        }

        return rows;
    }

    private static IEnumerable<string> Describe()
    {
        var file = ApiReflection.Descriptor;
        return file.Services.SelectMany(Describe)
            .Concat(file.EnumTypes.SelectMany(type => Describe(type, type.Name)))
            .Concat(file.MessageTypes.SelectMany(Describe));
    }

    private static IEnumerable<string> Describe(ServiceDescriptor service) =>
        from method in service.Methods
        let input = (method.IsClientStreaming ? "stream " : "") + method.InputType.Name
        let output = (method.IsServerStreaming ? "stream " : "") + method.OutputType.Name
        select $"rpc\t{service.Name}\t\t{method.Name}\t{input} -> {output}";

    private static IEnumerable<string> Describe(EnumDescriptor type, string owner) =>
        type.Values.Select(value => $"enum\t{owner}\t{value.Number}\t{value.Name}");

    private static IEnumerable<string> Describe(MessageDescriptor message)
    {
        var fields = message.Fields.InDeclarationOrder();
        foreach (var field in fields)
        {
            yield return $"field\t{message.Name}\t{field.FieldNumber}\t{field.Name}\t{TypeOf(field)}\t{LabelOf(field)}".TrimEnd('\t');
        }

        if (fields.Count == 0)
        {
            yield return $"message\t{message.Name}\t\t\t\tempty";
        }

        foreach (var row in message.EnumTypes.SelectMany(type => Describe(type, $"{message.Name}.{type.Name}")))
        {
            yield return row;
        }

        // Map entries are described by their map<>; anything else nested or chosen by a oneof would be an invention.
        foreach (var nested in message.NestedTypes.Where(nested => !nested.GetOptions().MapEntry))
        {
            yield return $"nested message\t{message.Name}\t{nested.Name}";
        }

        foreach (var oneof in message.Oneofs)
        {
            yield return $"oneof\t{message.Name}\t{oneof.Name}";
        }
    }

    private static string TypeOf(FieldDescriptor field)
    {
        if (field.IsMap)
        {
            var entry = field.MessageType.Fields;
            return $"map<{TypeOf(entry[1])},{TypeOf(entry[2])}>";
        }

        return field.FieldType switch
        {
            FieldType.Message => field.MessageType.Name,
            FieldType.Enum => field.EnumType.Name,
            var scalar => scalar.ToString().ToLowerInvariant(),
        };
    }

    private static string LabelOf(FieldDescriptor field)
    {
        var options = field.GetOptions();
        return field switch
        {
            { IsMap: true } => "",
            { IsRepeated: true } => "repeated",
            _ when options?.Deprecated == true => "[deprecated=true]",
            _ when options?.DebugRedact == true => "[debug_redact=true]",
            _ => "",
        };
    }
}
