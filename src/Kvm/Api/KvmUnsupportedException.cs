namespace Crisp.Kvm.Api;

/// <summary>This machine's KVM is missing or lacks something; the message says what, and what to do.</summary>
public sealed class KvmUnsupportedException(string message, Exception? inner = null) : Exception(message, inner);
