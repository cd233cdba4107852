using Crisp.CriServer.Containers;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.Seccomp;
using Crisp.Linux.Seccomp;
using Crisp.Linux.Tests.Seccomp;
using Grpc.Core;
using Xunit;
using static Crisp.CriServer.Tests.Seccomp.SeccompFilters;

namespace Crisp.CriServer.Tests.Seccomp;

public sealed class SeccompProfileTests
{
    private const uint Clone = 56;
    private const uint NewUser = 0x1000_0000;

    [Theory]
    [InlineData(0, Allow)] // read
    [InlineData(101, Allow)] // ptrace, from 4.8 on
    [InlineData(158, Allow)] // arch_prctl
    [InlineData(161, Allow)] // chroot: CAP_SYS_CHROOT is among the defaults
    [InlineData(165, Eperm)] // mount
    [InlineData(169, Eperm)] // reboot
    [InlineData(272, Eperm)] // unshare
    [InlineData(304, Eperm)] // open_by_handle_at
    [InlineData(321, Eperm)] // bpf
    [InlineData(425, Eperm)] // io_uring_setup
    [InlineData(435, Enosys)] // clone3
    [InlineData(466, Allow)] // removexattrat
    [InlineData(467, Enosys)] // newer than the profile
    public void Default_AnswersAContainerWithoutFurtherCapabilities(uint number, uint answer)
        => Assert.Equal(answer, Answer(Default(CapabilityNames.Default), number));

    [Theory]
    [InlineData("CAP_SYS_ADMIN", 165)]
    [InlineData("CAP_SYS_ADMIN", 435)]
    [InlineData("CAP_SYS_BOOT", 169)]
    [InlineData("CAP_DAC_READ_SEARCH", 304)]
    [InlineData("CAP_BPF", 321)]
    [InlineData("CAP_PERFMON", 298)]
    [InlineData("CAP_SYSLOG", 103)]
    [InlineData("CAP_SYS_TIME", 227)]
    [InlineData("CAP_SYS_MODULE", 175)]
    [InlineData("CAP_SYS_PACCT", 163)]
    [InlineData("CAP_SYS_PTRACE", 438)]
    [InlineData("CAP_SYS_RAWIO", 172)]
    [InlineData("CAP_SYS_TTY_CONFIG", 153)]
    [InlineData("CAP_SYS_NICE", 237)]
    public void Default_AllowsWhatACapabilityIsFor(string capability, uint number)
    {
        Assert.NotEqual(Allow, Answer(Default(CapabilityNames.Default), number));
        Assert.Equal(Allow, Answer(Default([.. CapabilityNames.Default, capability]), number));
    }

    [Fact]
    public void Default_AllowsCloneWithoutNewNamespaces()
    {
        var program = Default(CapabilityNames.Default);
        Assert.Equal(Allow, Answer(program, Clone, 0x0050_0F00));
        Assert.Equal(Eperm, Answer(program, Clone, NewUser | 17));
        Assert.Equal(Allow, Answer(Default(["CAP_SYS_ADMIN"]), Clone, NewUser | 17));
    }

    [Theory]
    [InlineData(1, Allow)]
    [InlineData(10, Allow)]
    [InlineData(37, Allow)]
    [InlineData(38, Eperm)] // AF_ALG
    [InlineData(39, Allow)]
    [InlineData(40, Eperm)] // AF_VSOCK
    [InlineData(41, Allow)]
    public void Default_AllowsSocketsOfAllFamiliesButTwo(ulong family, uint answer)
    {
        const uint Socket = 41;
        const uint SocketOfX86 = 359;
        var program = Default(CapabilityNames.Default);
        Assert.Equal(answer, Answer(program, Socket, family));
        Assert.Equal(answer, SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X86, SocketOfX86, family), out _));
    }

    [Fact]
    public void Default_HoldsForProgramsOf32Bits()
    {
        var program = Default(CapabilityNames.Default);
        Assert.Equal(Allow, SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X86, 3), out _));
        Assert.Equal(Eperm, SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X86, 21), out _)); // mount
        Assert.Equal(Allow, SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X32, 0x4000_0000 | 514), out _)); // ioctl
        Assert.Equal(Eperm, SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X32, 0x4000_0000 | 165), out _));
    }

    /// <summary>After the filter is in force, the plan still makes these calls.</summary>
    [Fact]
    public void Default_LetsAContainerBeBorn()
    {
        uint[] birth = [1, 59, 126, 157, 231, 322];
        Assert.All(birth, number => Assert.Equal(Allow, Answer(Default([]), number)));
        Assert.InRange(Default(CapabilityNames.Default).Length, 100, 1500);
    }

    [Fact]
    public void Words_OfBothForms()
    {
        var program = Compile("""
            { "defaultAction": "SCMP_ACT_KILL_PROCESS", "defaultErrnoRet": null, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], "comment": "x",
              "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"],
              "syscalls": [
                { "names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW", "args": null },
                { "name": "write", "action": "SCMP_ACT_LOG", "args": [] },
                { "names": ["open"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13 },
                { "names": ["close"], "action": "SCMP_ACT_TRAP" },
                { "names": ["stat"], "action": "SCMP_ACT_TRACE", "errnoRet": 5 },
                { "names": ["fstat"], "action": "SCMP_ACT_KILL" },
                { "names": ["lstat"], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 0, "value": 1, "op": "SCMP_CMP_EQ" }, { "index": 0, "value": 2, "op": "SCMP_CMP_EQ" } ] },
                { "names": ["poll"], "action": "SCMP_ACT_ALLOW", "args": [ { "index": 1, "value": 240, "valueTwo": 16, "op": "SCMP_CMP_MASKED_EQ" } ] },
                { "names": ["lseek"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "6.1", "arches": ["amd64"], "caps": ["CAP_CHOWN"] } },
                { "names": ["mmap"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "6.2" } },
                { "names": ["mprotect"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_CHOWN", "CAP_SYS_BOOT"] } },
                { "names": ["munmap"], "action": "SCMP_ACT_ALLOW", "excludes": { "caps": ["CAP_SYS_BOOT", "CAP_CHOWN"] } },
                { "names": ["brk"], "action": "SCMP_ACT_ALLOW", "excludes": { "arches": ["arm64"], "minKernel": "6.2" } } ] }
            """);
        Assert.Equal(6u, program.Flags);
        var filter = Instructions(program);
        uint[] expected = [Allow, 0x7FFC_0000, 0x0005_000D, 0x0003_0000, 0x7FF0_0005, 0, 0x8000_0000, 0x8000_0000, Allow, 0x8000_0000, 0x8000_0000, 0x8000_0000, Allow];
        Assert.Equal(expected, expected.Select((_, number) => Answer(filter, (uint)number)));
        Assert.Equal((Allow, Allow), (Answer(filter, 6, 1), Answer(filter, 6, 2)));
        Assert.Equal((Allow, 0x8000_0000), (Answer(filter, 7, 0, 0x1F), Answer(filter, 7, 0, 0x2F)));
        Assert.Equal(0u, SeccompInterpreter.Run(filter, SeccompCall.Of(SeccompArchitecture.X86, 3), out _));
    }

    [Theory]
    [InlineData("""{ "defaultAction": "SCMP_ACT_MAYBE" }""", "\"SCMP_ACT_MAYBE\" as defaultAction")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_NOTIFY" }""", "no notifications")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/x" }""", "no notifications")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "includs": {} }""", "includs")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["FAST"] }""", "the flag \"FAST\"")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_ARM"] }""", "this machine is SCMP_ARCH_X86_64")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["amd64"] }""", "the architecture \"amd64\"")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{ "architecture": "SCMP_ARCH_X86_64" }] }""", "both")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "archMap": [{ "architecture": "SCMP_ARCH_ARM" }] }""", "without SCMP_ARCH_X86_64")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "action": "SCMP_ACT_KILL" }] }""", "without names")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["a"], "name": "b", "action": "SCMP_ACT_KILL" }] }""", "both name")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_KILL", "args": [{ "index": 6, "value": 0, "op": "SCMP_CMP_EQ" }] }] }""", "the argument 6")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_KILL", "args": [{ "index": 0, "value": 0, "op": "=" }] }] }""", "the op \"=\"")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5000 }] }""", "errnoRet 5000")]
    [InlineData("""{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["read"], "action": "SCMP_ACT_KILL", "includes": { "minKernel": "new" } }] }""", "minKernel \"new\"")]
    [InlineData("[]", "not valid")]
    [InlineData("null", "is empty")]
    public void BadProfile_IsRefusedWithItsFault(string json, string fault)
    {
        var error = Assert.Throws<CriException>(() => Compile(json));
        Assert.Equal(StatusCode.FailedPrecondition, error.Code);
        Assert.StartsWith("The seccomp profile /p ", error.Message, StringComparison.Ordinal);
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_IsReadByItsPathAlone()
    {
        using var directory = new TemporaryDirectory();
        var path = Path.Combine(directory.Path, "profile.json");
        File.WriteAllText(path, """{ "defaultAction": "SCMP_ACT_LOG" }""");
        Assert.Equal("SCMP_ACT_LOG", SeccompProfileFile.Read(path).DefaultAction);
        Assert.Equal("SCMP_ACT_LOG", SeccompProfileFile.Read("localhost/" + path).DefaultAction);
        Assert.Contains("not an absolute path", Assert.Throws<CriException>(() => SeccompProfileFile.Read("profile.json")).Message, StringComparison.Ordinal);
        Assert.Contains("no regular file", Assert.Throws<CriException>(() => SeccompProfileFile.Read(directory.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("ENOENT", Assert.Throws<CriException>(() => SeccompProfileFile.Read(path + "x")).Message, StringComparison.Ordinal);
    }

    private static SeccompInstruction[] Default(IReadOnlyCollection<string> capabilities) => Instructions(SeccompPrograms.Default(capabilities, Kernel));

    private static uint Answer(SeccompInstruction[] program, uint number, params ulong[] arguments)
        => SeccompInterpreter.Run(program, SeccompCall.Of(SeccompArchitecture.X86_64, number, arguments), out _);
}
