using Crisp.Cri.V1;
using Grpc.Core;
using static Crisp.Conformance.Tests.Lies.RuleBreak;

namespace Crisp.Conformance.Tests.Lies;

/// <summary>The rules about what a container is made of, about networks and about images.</summary>
internal static partial class RuleBreaks
{
    private static RuleBreak[] OfMounts =>
    [
        Of<ContainerMountTests>(t => t.Volume_IsTheNodesDirectory(), "no volume", Container(c => c.Mounts.Clear())),
        Of<ContainerMountTests>(t => t.Mounts_AreToldInTheStatus(), "no mounts", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.Mounts.Clear())),
        Of<ContainerMountTests>(t => t.ReadOnlyMount_RefusesWrites(), "writable", Container(c => c.Mounts[0].Readonly = false)),
        Of<ContainerMountTests>(t => t.RecursiveReadOnly_ReachesTheMountsBelow(), "the uppermost alone", Container(c => c.Mounts[0].RecursiveReadOnly = false)),
        Of<ContainerMountTests>(t => t.RecursiveReadOnlyThatIsWritableOrPropagates_IsRefused(), "takes it", Container(c => c.Mounts[0].RecursiveReadOnly = false)),
        Of<ContainerMountTests>(t => t.Propagation_BetweenNodeAndContainer(), "inward alone", Container(c => c.Mounts[0].Propagation = MountPropagation.PropagationHostToContainer)),
        Of<ContainerMountTests>(t => t.Propagation_FromTheNode_DoesNotGoBack(), "both ways", Container(c => c.Mounts[0].Propagation = MountPropagation.PropagationBidirectional)),
        Of<ContainerMountTests>(t => t.Propagation_OfPrivateMounts_IsNone(), "inward", Container(c => c.Mounts[0].Propagation = MountPropagation.PropagationHostToContainer)),
        Of<ContainerMountTests>(t => t.MountOptions_HoldInTheContainer(), "none", Container(c => c.Mounts[0].MountOptions.Clear())),
        Of<ContainerMountTests>(t => t.UnknownMountOption_IsRefused(), "ignores it", Container(c => c.Mounts[0].MountOptions.Clear())),
    ];

    private static RuleBreak[] OfImageVolumes =>
    [
        Of<ImageVolumeTests>(t => t.Volume_HasTheImagesFilesAndRunsThem(), "no volume", Container(c => c.Mounts.Clear())),
        Of<ImageVolumeTests>(t => t.Volume_RefusesWrites(), "no volume", Container(c => c.Mounts.Clear())),
        Of<ImageVolumeTests>(t => t.WritableVolume_IsRefused(), "read-only all the same", Container(c => c.Mounts[0].Readonly = true)),
        Of<ImageVolumeTests>(t => t.SubPath_IsTheVolumesRoot(), "the whole image", Container(c => c.Mounts[0].ImageSubPath = "")),
        Of<ImageVolumeTests>(t => t.SubPathThatIsNotThere_IsRefused(), "the whole image", Container(c => c.Mounts[0].ImageSubPath = "")),
        Of<ImageVolumeTests>(t => t.Status_TellsTheImagesId(), "not", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.Mounts[0].Image = null)),
    ];

    private static RuleBreak[] OfSecurity =>
    [
        Of<SecurityContextTests>(t => t.RunAsUser_IsTheUid(), "the image's user", Security(s => s.RunAsUser = null)),
        Of<SecurityContextTests>(t => t.RunAsUsername_IsLookedUpInTheImage(), "the image's user", Security(s => s.RunAsUsername = "")),
        Of<SecurityContextTests>(t => t.RunAsGroup_IsTheGid(), "the user's group", Security(s => s.RunAsGroup = null)),
        Of<SecurityContextTests>(t => t.RunAsGroupWithoutUser_IsRefused(), "takes it", Lie.Accepting<CreateContainerRequest>),
        Of<SecurityContextTests>(t => t.SupplementalGroups_AreAddedToTheImages(), "strict", Security(s => s.SupplementalGroupsPolicy = SupplementalGroupsPolicy.Strict)),
        Of<SecurityContextTests>(t => t.SupplementalGroupsPolicyStrict_TakesNoneOfTheImages(), "merges", Security(s => s.SupplementalGroupsPolicy = SupplementalGroupsPolicy.Merge)),
        Of<SecurityContextTests>(t => t.User_IsToldInTheStatus(), "no groups", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.User?.Linux.SupplementalGroups.Clear())),
        Of<SecurityContextTests>(t => t.ReadOnlyRootfs_RefusesWrites(), "writable", Security(s => s.ReadonlyRootfs = false)),
        Of<SecurityContextTests>(t => t.ReadOnlyRootfs_RefusesWrites(), "always read-only", Security(s => s.ReadonlyRootfs = true)),
        Of<SecurityContextTests>(t => t.Privileged_MayMakeDevicesAndInterfaces(), "nobody is", Security(s => s.Privileged = false)),
        Of<SecurityContextTests>(t => t.AddedCapability_IsThere(), "adds none", Security(s => s.Capabilities.AddCapabilities.Clear())),
        Of<SecurityContextTests>(t => t.DroppedCapability_IsNot(), "drops none", Security(s => s.Capabilities.DropCapabilities.Clear())),
        Of<SecurityContextTests>(t => t.AllCapabilities_MayBeAdded(), "adds none", Security(s => s.Capabilities.AddCapabilities.Clear())),
        Of<SecurityContextTests>(t => t.AllCapabilities_MayBeDroppedAndOneAdded(), "drops none", Security(s => s.Capabilities.DropCapabilities.Clear())),
        Of<SecurityContextTests>(t => t.MaskedPath_CannotBeUsed(), "masks none", Security(s => s.MaskedPaths.Clear())),
        Of<SecurityContextTests>(t => t.ReadOnlyPath_RefusesWrites(), "writable", Security(s => s.ReadonlyPaths.Clear())),
        Of<SecurityContextTests>(t => t.NoNewPrivs_IsSetWhereItIsAskedFor(), "never", Security(s => s.NoNewPrivs = false)),
        Of<SecurityContextTests>(t => t.NoNewPrivs_IsSetWhereItIsAskedFor(), "always", Security(s => s.NoNewPrivs = true)),
        Of<SecurityContextTests>(t => t.NoNewPrivs_KeepsSetuidProgramsFromHelping(), "lets them", Security(s => s.NoNewPrivs = false)),
    ];

    private static RuleBreak[] OfSeccomp =>
    [
        Of<SeccompTests>(t => t.NoProfile_IsUnconfined(), "always a filter", Security(s => s.Seccomp = Default())),
        Of<SeccompTests>(t => t.Unconfined_IsNoFilter(), "always a filter", Security(s => s.Seccomp = Default())),
        Of<SeccompTests>(t => t.RuntimeDefault_IsAFilter(), "none", Security(s => s.Seccomp = null)),
        Of<SeccompTests>(t => t.Localhost_IsTheProfileOfTheFile(), "none", Security(s => s.Seccomp = null)),
        Of<SeccompTests>(t => t.Localhost_HoldsForAdministratorsToo(), "none", Security(s => s.Seccomp = null)),
        Of<SeccompTests>(t => t.Localhost_ThatIsNotThereIsRefused(), "none", Security(s => s.Seccomp = null)),
        Of<SeccompTests>(t => t.Privileged_HasNoFilter(), "not privileged", Security(s => s.Privileged = false)),
    ];

    private static RuleBreak[] OfAppArmor =>
    [
        Of<AppArmorTests>(t => t.RuntimeDefault_IsEnforced(), "none", Security(s => s.Apparmor = Unconfined())),
        Of<AppArmorTests>(t => t.Unconfined_IsNoProfile(), "always a profile", Security(s => s.Apparmor = Default())),
        Of<AppArmorTests>(t => t.Localhost_ThatIsNotLoadedIsRefused(), "none", Security(s => s.Apparmor = Unconfined())),
    ];

    private static RuleBreak[] OfResources =>
    [
        Of<ResourceTests>(t => t.HugepageLimit_IsThatOfTheCgroup(), "none", Container(c => c.Linux.Resources.HugepageLimits.Clear())),
        Of<CheckpointTests>(t => t.Checkpoint_IsWrittenOrUnimplemented(), "says that it has", Lie.Accepting<CheckpointContainerRequest>),
        Of<CheckpointTests>(t => t.Checkpoint_IsWrittenOrUnimplemented(), "another code", () => Lie.Refusing<CheckpointContainerRequest>(StatusCode.Internal)),
    ];

    private static RuleBreak[] OfNamespaces =>
    [
        Of<NamespaceTests>(t => t.NodePid_SeesTheNodesProcesses(), "its own", Security(s => s.NamespaceOptions.Pid = NamespaceMode.Container)),
        Of<NamespaceTests>(t => t.PodPid_IsShared(), "its own", Security(s => s.NamespaceOptions.Pid = NamespaceMode.Container)),
        Of<NamespaceTests>(t => t.ContainerPid_IsTheContainersOwn(), "the node's", Security(s => s.NamespaceOptions.Pid = NamespaceMode.Node)),
        Of<NamespaceTests>(t => t.TargetPid_IsTheTargets(), "its own", Security(s => s.NamespaceOptions.Pid = NamespaceMode.Container)),
        Of<NamespaceTests>(t => t.NodeIpc_IsTheNodes(), "the pod's", Pod(s => s.NamespaceOptions.Ipc = NamespaceMode.Pod)),
        Of<NamespaceTests>(t => t.NodeNetwork_IsTheNodes(), "the pod's", Pod(s => s.NamespaceOptions.Network = NamespaceMode.Pod)),
        Of<NamespaceTests>(t => t.UserNamespace_MapsRootToWhatWasAsked(), "the node's", Pod(s => s.NamespaceOptions.UsernsOptions = null)),
        Of<NamespaceTests>(t => t.NodesUserNamespace_HasNoMap(), "always one", Pod(s => s.NamespaceOptions.UsernsOptions = OneMap())),
        Of<NamespaceTests>(t => t.UserNamespacesThatCannotBe_AreRefused(), "the node's", Pod(s => s.NamespaceOptions.UsernsOptions = null)),
    ];

    private static RuleBreak[] OfNetworks =>
    [
        Of<NetworkingTests>(t => t.Dns_IsInResolvConf(), "the node's", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.DnsConfig = null)),
        Of<NetworkingTests>(t => t.Hostname_IsThePods(), "none", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.Hostname = "")),
        Of<NetworkingTests>(t => t.ContainerPort_IsReachedAtThePodsAddress(), "another address", () => Lie.Answering<PodSandboxStatusResponse>(r => r.Status.Network.Ip = "127.0.0.1")),
        Of<NetworkingTests>(t => t.HostPort_LeadsToThePod(), "no ports", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.PortMappings.Clear())),
        Of<NetworkingTests>(t => t.Containers_ShareThePodsNetworkAndMemory(), "no shared memory", Container(c => c.Mounts.Add(new Mount { HostPath = "/usr", ContainerPath = "/dev/shm", Readonly = true }))),
        Of<NetworkingTests>(t => t.Containers_ShareThePodsNetworkAndMemory(), "no shared network", Container(c => c.Command[2] = c.Command[2].Replace("-p 80", "-p 81", StringComparison.Ordinal))),
    ];

    private static RuleBreak[] OfStreams =>
    [
        Of<StreamingTests>(t => t.Exec_HasBothStreamsAndItsCode(), "always zero", Script("exit 5", "exit 0")),
        Of<StreamingTests>(t => t.Exec_HasBothStreamsAndItsCode(), "one stream for both", Script(">&2", "")),
        Of<StreamingTests>(t => t.ExecThatSucceeds_SaysSo(), "always a failure", Script("true", "false")),
        Of<StreamingTests>(t => t.Exec_ReadsItsInputToTheEnd(), "reads none", Script("cat; ", "")),
        Of<StreamingTests>(t => t.ExecOnATerminal_HasOne(), "none", () => Lie.Hearing<ExecRequest>(r => (r.Tty, r.Stderr) = (false, true))),
        Of<StreamingTests>(t => t.Attach_JoinsTheContainersStreams(), "no input", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Stdin = false)),
    ];

    private static RuleBreak[] OfPortForwards =>
    [
        Of<PortForwardTests>(t => t.TwoPorts_AreReachedInOneSession(), "one for both", Listeners("second", "first")),
        Of<PortForwardTests>(t => t.ClientThatHasSentAll_StillHearsTheAnswer(), "hangs up", Listeners("wc -c", "cat > /dev/null")),
        Of<PortForwardTests>(t => t.PortAtWhichNobodyListens_IsToldAndTheOthersGoOn(), "makes up an answer", Listeners("echo ready", "busybox nc -ll -p 7009 -e echo hello & echo ready")),
        Of<PortForwardTests>(t => t.Channels_BelongToThePortsInTheirOrder(), "the other way round", () => Lie.Hearing<PortForwardRequest>(r => (r.Port[0], r.Port[1]) = (r.Port[1], r.Port[0]))),
    ];

    private static RuleBreak[] OfImages =>
    [
        Of<ImageManagerTests>(t => t.Pull_ByTag(), "removes nothing", Lie.Ignoring<RemoveImageRequest>),
        Of<ImageManagerTests>(t => t.Pull_ByTag(), "answers with the name", () => Lie.Answering<PullImageResponse>(r => r.ImageRef = "a-name")),
        Of<ImageManagerTests>(t => t.Pull_WithoutATagIsLatest(), "no tags", () => Lie.Answering<ImageStatusResponse>(r => r.Image?.RepoTags.Clear())),
        Of<ImageManagerTests>(t => t.Pull_ByDigestHasNoTags(), "makes one up", () => Lie.Answering<ImageStatusResponse>(r => r.Image?.RepoTags.Add("none:none"))),
        Of<ImageManagerTests>(t => t.Status_IsTheSameByEveryReference(), "knows no digests", () => Lie.Hearing<ImageStatusRequest>(r => r.Image.Image = r.Image.Image.Replace('@', ':'))),
        Of<ImageManagerTests>(t => t.Identifier_IsTheSameEverywhere(), "no id in the status", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.ImageId = "")),
        Of<ImageManagerTests>(t => t.Identifier_IsTheSameEverywhere(), "no id in the list", () => Lie.Answering<ListContainersResponse>(r => r.Containers[0].ImageId = "")),
        Of<ImageManagerTests>(t => t.User_IsAUidOrAName(), "names as root", () => Lie.Answering<ImageStatusResponse>(r => r.Image.Uid ??= new Int64Value())),
        Of<ImageManagerTests>(t => t.List_HasEveryImageOnce(), "once for each name", () => Lie.Answering<ListImagesResponse>(r => r.Images.Add(r.Images.ToList()))),
        Of<ImageManagerTests>(t => t.TagsOfOneImage_AreOneImageAndGoTogether(), "untags", Lie.Ignoring<RemoveImageRequest>),
        Of<ImageManagerTests>(t => t.Remove_ByManyAtOnceIsNoErrorForAny(), "the first alone", () => Lie.Refusing<RemoveImageRequest>(StatusCode.NotFound, after: 1)),
        Of<ImageManagerTests>(t => t.Pull_OfWhatIsNotThereIsRefused(), "takes it", Lie.Accepting<PullImageRequest>),
        Of<ImageManagerTests>(t => t.Pull_ForAnUnknownHandlerIsRefused(), "takes the default one", () => Lie.Hearing<PullImageRequest>(r => r.Image.RuntimeHandler = "")),
        Of<ImageManagerTests>(t => t.Pull_OfAnArtifactMakesNoImage(), "takes it", Lie.Accepting<PullImageRequest>),
        Of<ImageManagerTests>(t => t.Pull_EndsWithItsCaller(), "goes on", Lie.Accepting<PullImageRequest>),
        Of<ImageManagerTests>(t => t.FsInfo_TellsWhereAndHowMuch(), "no inodes", () => Lie.Answering<ImageFsInfoResponse>(r => r.ImageFilesystems[0].InodesUsed = null)),
        Of<ImageManagerTests>(t => t.Stream_HasEachImageOnce(), "nothing", () => Lie.Answering<StreamImagesResponse>(r => r.Images.Clear())),
    ];

    private static Func<Lie> Container(Action<ContainerConfig> change) => () => Lie.Hearing<CreateContainerRequest>(r => change(r.Config));

    private static Func<Lie> Security(Action<LinuxContainerSecurityContext> change) => Container(c => change(c.Linux.SecurityContext));

    private static Func<Lie> Pod(Action<LinuxSandboxSecurityContext> change)
        => () => Lie.Hearing<RunPodSandboxRequest>(r => change(r.Config.Linux.SecurityContext));

    private static Func<Lie> Script(string text, string other)
        => () => Lie.Hearing<ExecRequest>(r => r.Cmd[2] = r.Cmd[2].Replace(text, other, StringComparison.Ordinal));

    // What listens in the pod does what a server would do that forwards wrongly.
    private static Func<Lie> Listeners(string text, string other)
        => Container(c => c.Command[2] = c.Command[2].Replace(text, other, StringComparison.Ordinal));

    private static SecurityProfile Unconfined() => new() { ProfileType = SecurityProfile.Types.ProfileType.Unconfined };

    private static SecurityProfile Default() => new() { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault };

    private static UserNamespace OneMap()
    {
        var map = new IDMapping { HostId = 200_000, Length = 65_536 };
        return new UserNamespace { Mode = NamespaceMode.Pod, Uids = { map }, Gids = { map } };
    }
}
