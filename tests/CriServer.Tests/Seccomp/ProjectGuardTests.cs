using Crisp.CriServer.Containers;
using Crisp.CriServer.Seccomp;
using Crisp.Linux;
using Crisp.Linux.Seccomp;
using Crisp.Linux.Tests.Seccomp;
using Xunit;
using static Crisp.CriServer.Tests.Seccomp.SeccompFilters;

namespace Crisp.CriServer.Tests.Seccomp;

/// <summary>Which calls a container with a limited writable layer may make.</summary>
public sealed class ProjectGuardTests
{
    private const uint X32 = 0x4000_0000;
    private const uint FileSetattr = 469;
    private const uint GetWindowSize = 0x5413;

    private static readonly (SeccompArchitecture, uint Ioctl)[] _ioctls =
        [(SeccompArchitecture.X86_64, 16), (SeccompArchitecture.X86, 54), (SeccompArchitecture.X32, 514 | X32)];

    [Fact]
    public void Unconfined_IsKeptFromProjectsAlone()
    {
        var filter = Instructions(SeccompPrograms.ProjectGuard);
        AssertGuards(filter, Eperm, Eperm);
        uint[] others = [0, 165, 272, 321, 467];
        Assert.All(others, number => Assert.Equal(Allow, Answer(filter, SeccompArchitecture.X86_64, number)));
    }

    [Fact]
    public void RuntimeDefault_IsAsBeforeInAllElse()
    {
        var filter = Instructions(SeccompPrograms.Default(CapabilityNames.Default, Kernel, guard: true));
        var before = Instructions(SeccompPrograms.Default(CapabilityNames.Default, Kernel));
        AssertGuards(filter, Eacces, Enosys);
        Assert.Equal(Allow, Answer(before, SeccompArchitecture.X86_64, 16, ProjectQuota.ChangingRequests[0]));
        Assert.All(Enumerable.Range(0, 500).Select(n => (uint)n).Except([FileSetattr]), number =>
            Assert.Equal(Answer(before, SeccompArchitecture.X86_64, number), Answer(filter, SeccompArchitecture.X86_64, number)));
    }

    [Fact]
    public void ProfileThatAllowsTheNewerCall_NoLongerDoes()
    {
        var filter = Guarded("""
            { "defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
              "syscalls": [{ "names": ["file_setattr", "ioctl"], "action": "SCMP_ACT_ALLOW" }] }
            """);
        AssertGuards(filter, Eacces, Eacces);
        Assert.Equal(Eperm, Answer(filter, SeccompArchitecture.X86_64, 0));
    }

    [Fact]
    public void ProfileThatForbidsMore_StillDoes()
    {
        var filter = Guarded("""
            { "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["read", "ioctl"], "action": "SCMP_ACT_KILL_PROCESS" }] }
            """);
        Assert.Equal(Kill, Answer(filter, SeccompArchitecture.X86_64, 0));
        Assert.Equal(Kill, Answer(filter, SeccompArchitecture.X86_64, 16, GetWindowSize));
        Assert.Equal(Kill, Answer(filter, SeccompArchitecture.X86_64, 16, ProjectQuota.ChangingRequests[0]));
    }

    [Fact]
    public void ProfileWithConditionsOfItsOwn_KeepsThem()
    {
        var filter = Guarded("""
            { "defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [
                { "names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 1, "value": 21523, "op": "SCMP_CMP_EQ" }] } ] }
            """);
        Assert.Equal(Allow, Answer(filter, SeccompArchitecture.X86_64, 16, GetWindowSize));
        Assert.Equal(Kill, Answer(filter, SeccompArchitecture.X86_64, 16, 1));
    }

    private static void AssertGuards(SeccompInstruction[] filter, uint refusal, uint newer)
    {
        foreach (var (architecture, ioctl) in _ioctls)
        {
            Assert.Equal(Allow, Answer(filter, architecture, ioctl, GetWindowSize));
            foreach (var request in ProjectQuota.ChangingRequests)
            {
                Assert.Equal(refusal, Answer(filter, architecture, ioctl, request));

                // The kernel does not look at the upper half.
                Assert.Equal(refusal, Answer(filter, architecture, ioctl, request | (1UL << 40)));
            }
        }

        Assert.Equal(newer, Answer(filter, SeccompArchitecture.X86_64, FileSetattr));
    }

    private static uint Answer(SeccompInstruction[] filter, SeccompArchitecture architecture, uint number, ulong second = 0)
        => SeccompInterpreter.Run(filter, SeccompCall.Of(architecture, number, 0, second), out _);

    private static SeccompInstruction[] Guarded(string json) => Instructions(Compile(json, guard: true));
}
