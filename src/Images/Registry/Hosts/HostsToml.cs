using Tomlyn.Model;
using Tomlyn.Serialization;

namespace Crisp.Images.Registry.Hosts;

/// <summary>TOML without reflection.</summary>
[TomlSerializable(typeof(TomlTable))]
internal sealed partial class HostsToml : TomlSerializerContext;
