using Crisp.Kvm.Api;
using Crisp.Kvm.Interop;
using Xunit;

namespace Crisp.Kvm.Tests.Api;

public sealed class KvmSystemTests
{
    [Fact]
    public void Missing_IsSaidWithAdvice()
    {
        var error = Assert.Throws<KvmUnsupportedException>(() => KvmSystem.Open("/dev/crisp-no-kvm"));
        Assert.StartsWith("/dev/crisp-no-kvm cannot be opened (ENOENT, no such file or directory). Load the module", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherDevice_IsNotTakenForIt()
        => Assert.Equal("/dev/null is no KVM device (ENOTTY, inappropriate ioctl for device).", Assert.Throws<KvmUnsupportedException>(() => KvmSystem.Open("/dev/null")).Message);

    [Fact]
    public void EachMissingCapability_IsNamed()
    {
        Assert.Empty(KvmSystem.Lacks(_ => 1));
        Assert.Equal(["KVM_CAP_READONLY_MEM (guest memory that the guest cannot write)"], KvmSystem.Lacks(c => c == KvmCapability.READONLY_MEM ? 0 : 1));
        Assert.Equal(11, KvmSystem.Lacks(_ => 0).Count);
    }

    [Fact]
    public void Cpuid_IsThere()
    {
        using var system = KvmNode.Open();
        Assert.Contains(system.GetSupportedCpuid(), e => e is { function: 1 });
        Assert.InRange(system.MaxVcpus, 1, 1 << 20);
        Assert.InRange(system.VcpuMapSize, 4096, 1 << 20);
    }
}
