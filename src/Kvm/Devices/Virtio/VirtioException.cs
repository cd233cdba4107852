namespace Crisp.Kvm.Devices.Virtio;

/// <summary>The guest's driver broke the rules. Its device stops and asks to be reset; nothing else happens.</summary>
internal sealed class VirtioException(string message) : Exception(message);
