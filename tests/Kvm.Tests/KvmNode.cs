using Crisp.Kvm.Api;
using Xunit;

namespace Crisp.Kvm.Tests;

/// <summary>Tests that run guests skip themselves, with the reason, where there is no KVM.</summary>
internal static class KvmNode
{
    internal static KvmSystem Open()
    {
        try
        {
            return KvmSystem.Open();
        }
        catch (KvmUnsupportedException e)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }
}
