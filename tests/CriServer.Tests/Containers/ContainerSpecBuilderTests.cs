using Crisp.Cri.V1;
using Crisp.CriServer.Hosting;
using Crisp.Sandbox.Spec;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Containers;

public sealed class ContainerSpecBuilderTests
{
    [Theory]
    [InlineData("e1,e2", "c1", "", "", "e1,e2,c1")]
    [InlineData("e1", "c1", "", "a1", "e1,a1")]
    [InlineData("e1", "c1", "x", "", "x")]
    [InlineData("e1", "c1", "x", "y", "x,y")]
    [InlineData("", "c1", "", "a1", "a1")]
    public void Arguments_FollowCri(string entrypoint, string cmd, string command, string args, string expected)
    {
        var spec = SpecInputs.Build(
            c =>
            {
                c.Command.AddRange(Split(command));
                c.Args.AddRange(Split(args));
            },
            i => i with { Entrypoint = Split(entrypoint), Cmd = Split(cmd) });
        Assert.Equal(Split(expected), spec.Process.Args);
    }

    [Fact]
    public void NoCommandAnywhere_IsRefused()
        => Assert.Contains("No command", Refused(image: i => i with { Cmd = [], Entrypoint = [""] }), StringComparison.Ordinal);

    [Fact]
    public void Environment_MergesByNameAndKeepsTheFirstPlace()
    {
        var spec = SpecInputs.Build(c => c.Envs.AddRange([Env("A", "request"), Env("B", "x=y"), Env("C", "")]));
        Assert.Equal(["PATH=/bin", "A=request", "B=x=y", "C="], spec.Process.Env);
    }

    [Fact]
    public void Environment_HasAPathWhereTheImageHasNone()
        => Assert.StartsWith("PATH=/usr/local/sbin", SpecInputs.Build(image: i => i with { Env = [] }).Process.Env[0], StringComparison.Ordinal);

    [Theory]
    [InlineData("", "v")]
    [InlineData("A=B", "v")]
    [InlineData("A", "a\0b")]
    public void Environment_ThatTheKernelCannotCarry_IsRefused(string name, string value)
        => Assert.Contains("environment variable", Refused(c => c.Envs.Add(Env(name, value))), StringComparison.Ordinal);

    [Fact]
    public void EnvironmentThatIsNotUtf8_IsRefused()
        => Refused(c => c.Envs.Add(new KeyValue { Key = "A", Value = ByteString.CopyFrom(0xff, 0xfe) }));

    [Theory]
    [InlineData("", "", "/")]
    [InlineData("", "/image", "/image")]
    [InlineData("/request", "/image", "/request")]
    [InlineData("", "relative", "/relative")]
    public void WorkingDirectory_IsTheRequestsOrTheImages(string request, string image, string expected)
        => Assert.Equal(expected, SpecInputs.Build(c => c.WorkingDir = request, i => i with { WorkingDir = image }).Process.Cwd);

    [Fact]
    public void User_IsTheImagesUnlessTheRequestSaysOtherwise()
    {
        Assert.Equal("www-data:1004", SpecInputs.Build(image: i => i with { User = "www-data:1004" }).Process.User.User);
        var spec = SpecInputs.Build(
            c =>
            {
                c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1000 };
                c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 2000 };
                c.Linux.SecurityContext.SupplementalGroups.Add(3000);
                c.Linux.SecurityContext.SupplementalGroupsPolicy = SupplementalGroupsPolicy.Strict;
            },
            i => i with { User = "www-data" });
        Assert.Equal("1000", spec.Process.User.User);
        Assert.Equal(2000, spec.Process.User.Gid);
        Assert.Equal([3000], spec.Process.User.AdditionalGids);
        Assert.False(spec.Process.User.MergeImageGroups);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2147483648)]
    [InlineData(4294967296)]
    public void IdsThatTheKernelDoesNotHave_AreRefused(long id)
    {
        Assert.Contains($"{id}", Refused(c => c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = id }), StringComparison.Ordinal);
        Refused(c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1 };
            c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = id };
        });
        Refused(c => c.Linux.SecurityContext.SupplementalGroups.Add(id));
    }

    [Theory]
    [InlineData("2147483648")]
    [InlineData("99999999999999999999")]
    [InlineData("4294967296:0")]
    [InlineData("0:4294967296")]
    [InlineData("a:b:c")]
    [InlineData(":1")]
    [InlineData("root\nroot")]
    public void ImageUsersThatAreTraps_AreRefused(string user) => Refused(image: i => i with { User = user });

    [Fact]
    public void GroupWithoutUser_IsRefused()
    {
        Refused(c => c.Linux.SecurityContext.RunAsGroup = new Int64Value { Value = 1 });
        Refused(c =>
        {
            c.Linux.SecurityContext.RunAsUser = new Int64Value { Value = 1 };
            c.Linux.SecurityContext.RunAsUsername = "a";
        });
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/etc/passwd")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData(".")]
    public void LogPath_StaysBeneathItsDirectory(string path)
        => Assert.Contains("log_path", Refused(c => c.LogPath = path), StringComparison.Ordinal);

    [Fact]
    public void LogPath_IsANameBeneathThePodsDirectory()
        => Assert.Equal(new LogSpec("/var/log/pods/x", "app/0.log"), SpecInputs.Build(c => c.LogPath = "app/0.log").Log);

    [Theory]
    [InlineData(NamespaceMode.Container, PidNamespace.Container)]
    [InlineData(NamespaceMode.Pod, PidNamespace.Pod)]
    [InlineData(NamespaceMode.Node, PidNamespace.Node)]
    public void PidNamespace_IsAsAsked(NamespaceMode mode, PidNamespace expected)
        => Assert.Equal(expected, SpecInputs.Build(c => c.Linux.SecurityContext.NamespaceOptions.Pid = mode).Namespaces.Pid);

    [Fact]
    public void PidNamespaceOfThePod_NeedsOne() => Refused(
        c => c.Linux.SecurityContext.NamespaceOptions.Pid = NamespaceMode.Pod,
        sandbox: s => s with { Spec = s.Spec with { SharedPidNamespace = false }, Namespaces = s.Namespaces with { Pid = NamespaceMode.Container } });

    [Fact]
    public void Cgroup_LiesInThePods() => Assert.Equal("crisp/crisp-s/c", SpecInputs.Build().CgroupPath);

    [Theory]
    [InlineData(-1001)]
    [InlineData(1001)]
    public void OomScore_HasTheKernelsRange(long value) => Refused(c => c.Linux.Resources.OomScoreAdj = value);

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static KeyValue Env(string name, string value) => new() { Key = name, Value = ByteString.CopyFromUtf8(value) };

    private static string Refused(
        Action<ContainerConfig>? change = null,
        Func<Crisp.Images.ImageConfig, Crisp.Images.ImageConfig>? image = null,
        Func<Crisp.CriServer.State.SandboxRecord, Crisp.CriServer.State.SandboxRecord>? sandbox = null)
    {
        var error = Assert.Throws<CriException>(() => SpecInputs.Build(change, image, sandbox));
        Assert.Equal(StatusCode.InvalidArgument, error.Code);
        return error.Message;
    }
}
