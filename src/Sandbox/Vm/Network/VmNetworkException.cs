namespace Crisp.Sandbox.Vm.Network;

/// <summary>A pod's network that a virtual machine cannot have; the message is a whole sentence.</summary>
internal sealed class VmNetworkException(string message, Exception? inner = null) : Exception(message, inner);
