using Crisp.Cri.V1;
using Grpc.Core;
using static Crisp.Conformance.Tests.Lies.RuleBreak;

namespace Crisp.Conformance.Tests.Lies;

/// <summary>For each rule a server that breaks it.</summary>
internal static partial class RuleBreaks
{
    public static IReadOnlyList<RuleBreak> All { get; } =
        [.. OfInfo, .. OfPods, .. OfContainers, .. OfStats, .. OfLogs, .. OfMounts, .. OfImageVolumes, .. OfSecurity, .. OfSeccomp, .. OfAppArmor, .. OfResources, .. OfNamespaces, .. OfNetworks, .. OfStreams, .. OfPortForwards, .. OfImages, .. OfIdempotence];

    private static RuleBreak[] OfInfo =>
    [
        Of<RuntimeInfoTests>(t => t.Version_NamesTheRuntimeAndTheApi(), "another API", () => Lie.Answering<VersionResponse>(r => r.RuntimeApiVersion = "v1alpha2")),
        Of<RuntimeInfoTests>(t => t.Version_NamesTheRuntimeAndTheApi(), "no version", () => Lie.Answering<VersionResponse>(r => r.RuntimeVersion = "")),
        Of<RuntimeInfoTests>(t => t.Status_SaysThatRuntimeAndNetworkAreReady(), "no network", () => Lie.Answering<StatusResponse>(r => r.Status.Conditions.RemoveAt(1))),
        Of<RuntimeInfoTests>(t => t.Status_ListsTheDefaultHandler(), "no handlers", () => Lie.Answering<StatusResponse>(r => r.RuntimeHandlers.Clear())),
        Of<RuntimeInfoTests>(t => t.RuntimeConfig_TellsTheCgroupDriver(), "nothing", () => Lie.Answering<RuntimeConfigResponse>(r => r.Linux = null)),
    ];

    private static RuleBreak[] OfPods =>
    [
        Of<PodSandboxTests>(t => t.Run_MakesItReady(), "never ready", () => Lie.Answering<PodSandboxStatusResponse>(r => r.Status.State = PodSandboxState.SandboxNotready)),
        Of<PodSandboxTests>(t => t.Run_MakesItReady(), "seconds for nanoseconds", () => Lie.Answering<PodSandboxStatusResponse>(r => r.Status.CreatedAt /= 1_000_000_000)),
        Of<PodSandboxTests>(t => t.Stop_MakesItNotReadyAndEndsItsContainers(), "stops nothing", Lie.Ignoring<StopPodSandboxRequest>),
        Of<PodSandboxTests>(t => t.Remove_ForgetsItWithItsContainers(), "removes nothing", Lie.Ignoring<RemovePodSandboxRequest>),
        Of<PodSandboxTests>(t => t.Attributes_ComeBackUnaltered(), "trims annotations", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.Annotations.Remove("empty"))),
        Of<PodSandboxTests>(t => t.Attributes_ComeBackUnaltered(), "lists no labels", () => Lie.Answering<ListPodSandboxResponse>(r => r.Items.ToList().ForEach(i => i.Labels.Clear()))),
        Of<PodSandboxTests>(t => t.Attributes_ComeBackUnaltered(), "forgets the attempt", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.Metadata.Attempt = 0)),
        Of<PodSandboxTests>(t => t.Status_TellsTheNamespaces(), "tells none", () => Lie.Answering<PodSandboxStatusResponse>(r => r.Status.Linux.Namespaces.Options = new NamespaceOption())),
        Of<PodSandboxTests>(t => t.List_IsFilteredByIdStateAndLabels(), "no filter", () => Lie.Hearing<ListPodSandboxRequest>(r => r.Filter = null)),
        Of<PodSandboxTests>(t => t.List_IsFilteredByIdStateAndLabels(), "any of the labels", () => Lie.Hearing<ListPodSandboxRequest>(r => r.Filter.LabelSelector.Remove("second"))),
        Of<PodSandboxTests>(t => t.List_IsFilteredByIdStateAndLabels(), "any state", () => Lie.Hearing<ListPodSandboxRequest>(r => r.Filter.State = null)),
        Of<PodSandboxTests>(t => t.UnknownHandler_IsRefused(), "takes the default one", () => Lie.Hearing<RunPodSandboxRequest>(r => r.RuntimeHandler = "")),
        Of<PodSandboxTests>(t => t.SecondPodOfOneName_IsRefused(), "makes both", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.Metadata.Uid = Guid.NewGuid().ToString())),
        Of<PodSandboxTests>(t => t.Stream_HasEachPodOnce(), "twice", () => Lie.Answering<StreamPodSandboxesResponse>(r => r.PodSandboxes.Add(r.PodSandboxes.ToList()))),
        Of<PodSandboxTests>(t => t.Stream_HasEachPodOnce(), "nothing", () => Lie.Answering<StreamPodSandboxesResponse>(r => r.PodSandboxes.Clear())),
        Of<PodSandboxTests>(t => t.SafeSysctl_IsSet(), "sets none", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.Linux.Sysctls.Clear())),
        Of<PodSandboxTests>(t => t.UnsafeSysctl_IsSetToo(), "sets none", () => Lie.Hearing<RunPodSandboxRequest>(r => r.Config.Linux.Sysctls.Clear())),
    ];

    private static RuleBreak[] OfContainers =>
    [
        Of<ContainerTests>(t => t.Life_HasItsStatesTimesAndExitCode(), "always zero", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.ExitCode = 0)),
        Of<ContainerTests>(t => t.Life_HasItsStatesTimesAndExitCode(), "starts nothing", Lie.Ignoring<StartContainerRequest>),
        Of<ContainerTests>(t => t.Life_HasItsStatesTimesAndExitCode(), "no times", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.StartedAt = 0)),
        Of<ContainerTests>(t => t.Attributes_ComeBackUnaltered(), "trims annotations", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Annotations.Clear())),
        Of<ContainerTests>(t => t.UserSpecifiedImage_ComesBack(), "forgets it", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Image.UserSpecifiedImage = "")),
        Of<ContainerTests>(t => t.Attributes_ComeBackUnaltered(), "lists no pod", () => Lie.Answering<ListContainersResponse>(r => r.Containers[0].PodSandboxId = "")),
        Of<ContainerTests>(t => t.List_IsFilteredByPodStateAndLabels(), "any pod", () => Lie.Hearing<ListContainersRequest>(r => r.Filter.PodSandboxId = "")),
        Of<ContainerTests>(t => t.List_IsFilteredByPodStateAndLabels(), "any label", () => Lie.Hearing<ListContainersRequest>(r => r.Filter.LabelSelector.Clear())),
        Of<ContainerTests>(t => t.List_IsFilteredByPodStateAndLabels(), "any state", () => Lie.Hearing<ListContainersRequest>(r => r.Filter.State = null)),
        Of<ContainerTests>(t => t.Remove_TakesCreatedRunningAndStoppedOnes(), "removes nothing", Lie.Ignoring<RemoveContainerRequest>),
        Of<ContainerTests>(t => t.Stop_AsksFirstAndKillsInTheEnd(), "kills at once", () => Lie.Hearing<StopContainerRequest>(r => r.Timeout = 0)),
        Of<ContainerTests>(t => t.Stop_AsksFirstAndKillsInTheEnd(), "another exit code", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.ExitCode %= 128)),
        Of<ContainerTests>(t => t.ExecSync_AnswersWithBothStreamsAndTheCode(), "success", () => Lie.Answering<ExecSyncResponse>(r => r.ExitCode = 0)),
        Of<ContainerTests>(t => t.ExecSync_AnswersWithBothStreamsAndTheCode(), "one stream", () => Lie.Answering<ExecSyncResponse>(r => r.Stderr = Google.Protobuf.ByteString.Empty)),
        Of<ContainerTests>(t => t.ExecSync_IsOverAfterItsTimeout(), "no timeout", () => Lie.Hearing<ExecSyncRequest>(r => r.Timeout = 0)),
        Of<ContainerTests>(t => t.ExecSync_KeepsSixteenMebibytesOfAStreamAndDropsTheRest(), "an error", () => Lie.Refusing<ExecSyncRequest>(StatusCode.ResourceExhausted)),
        Of<ContainerTests>(t => t.Process_HasItsArgumentsEnvironmentAndDirectory(), "no environment", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Envs.Clear())),
        Of<ContainerTests>(t => t.Process_HasItsArgumentsEnvironmentAndDirectory(), "no arguments", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Args.Clear())),
        Of<ContainerTests>(t => t.Process_HasItsArgumentsEnvironmentAndDirectory(), "the image's directory", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.WorkingDir = "")),
        Of<ContainerTests>(t => t.Update_ChangesWhatTheStatusTells(), "changes nothing", Lie.Ignoring<UpdateContainerResourcesRequest>),
        Of<ContainerTests>(t => t.OutOfMemory_IsTheReason(), "an error as any other", () => Lie.Answering<ContainerStatusResponse>(r => r.Status.Reason = "Error")),
        Of<ContainerTests>(t => t.Events_TellTheLife(), "ends that are starts", () => Lie.Answering<ContainerEventResponse>(Restarted)),
    ];

    private static RuleBreak[] OfStats =>
    [
        Of<ContainerStatsTests>(t => t.Stats_AreThoseOfTheContainer(), "no processor", () => Lie.Answering<ContainerStatsResponse>(r => r.Stats.Cpu = null)),
        Of<ContainerStatsTests>(t => t.Stats_AreThoseOfTheContainer(), "no labels", () => Lie.Answering<ContainerStatsResponse>(r => r.Stats.Attributes.Labels.Clear())),
        Of<ContainerStatsTests>(t => t.WritableLayer_IsCounted(), "nothing written", () => Lie.Answering<ContainerStatsResponse>(r => r.Stats.WritableLayer.UsedBytes.Value = 4096)),
        Of<ContainerStatsTests>(t => t.List_IsFilteredByIdPodAndLabels(), "no filter", () => Lie.Hearing<ListContainerStatsRequest>(r => r.Filter = null)),
        Of<ContainerStatsTests>(t => t.PodStats_HaveThePodsContainers(), "none", () => Lie.Answering<PodSandboxStatsResponse>(r => r.Stats.Linux.Containers.Clear())),
        Of<ContainerStatsTests>(t => t.Metrics_FitTheirDescriptors(), "a label more", () => Lie.Answering<ListMetricDescriptorsResponse>(r => r.Descriptors.ToList().ForEach(d => d.LabelKeys.Add("more")))),
        Of<ContainerStatsTests>(t => t.Metrics_FitTheirDescriptors(), "no metrics", () => Lie.Answering<ListPodSandboxMetricsResponse>(r => r.PodMetrics.Clear())),
        Of<ContainerStatsTests>(t => t.Stream_HasEachContainerOnce(), "twice", () => Lie.Answering<StreamContainerStatsResponse>(r => r.ContainerStats.Add(r.ContainerStats.ToList()))),
    ];

    private static RuleBreak[] OfLogs =>
    [
        Of<ContainerLogTests>(t => t.Lines_HaveTimeStreamAndTag(), "one stream for both", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Command[2] = r.Config.Command[2].Replace(">&2", "", StringComparison.Ordinal))),
        Of<ContainerLogTests>(t => t.LongLine_IsInPartsThatAreWholeTogether(), "cuts the line", () => Lie.Hearing<CreateContainerRequest>(r => r.Config.Command[2] = r.Config.Command[2].Replace("100000", "50000", StringComparison.Ordinal))),
        Of<ContainerLogTests>(t => t.Reopen_GoesOnInANewFileWithoutALoss(), "reopens nothing", Lie.Ignoring<ReopenContainerLogRequest>),
    ];

    private static RuleBreak[] OfIdempotence =>
    [
        Of<IdempotenceTests>(t => t.StopPodSandbox(), "not found", () => Lie.Refusing<StopPodSandboxRequest>(StatusCode.NotFound)),
        Of<IdempotenceTests>(t => t.StopPodSandbox(), "not twice", () => Lie.Refusing<StopPodSandboxRequest>(StatusCode.FailedPrecondition, after: 2)),
        Of<IdempotenceTests>(t => t.RemovePodSandbox(), "not found", () => Lie.Refusing<RemovePodSandboxRequest>(StatusCode.NotFound)),
        Of<IdempotenceTests>(t => t.RemovePodSandbox(), "not twice", () => Lie.Refusing<RemovePodSandboxRequest>(StatusCode.NotFound, after: 2)),
        Of<IdempotenceTests>(t => t.StopContainer(), "not found", () => Lie.Refusing<StopContainerRequest>(StatusCode.NotFound)),
        Of<IdempotenceTests>(t => t.StopContainer(), "not twice", () => Lie.Refusing<StopContainerRequest>(StatusCode.FailedPrecondition, after: 2)),
        Of<IdempotenceTests>(t => t.RemoveContainer(), "not found", () => Lie.Refusing<RemoveContainerRequest>(StatusCode.NotFound)),
        Of<IdempotenceTests>(t => t.RemoveContainer(), "not twice", () => Lie.Refusing<RemoveContainerRequest>(StatusCode.NotFound, after: 2)),
        Of<IdempotenceTests>(t => t.RemoveImage(), "not found", () => Lie.Refusing<RemoveImageRequest>(StatusCode.NotFound)),
    ];

    private static void Restarted(ContainerEventResponse e)
    {
        if (e.ContainerEventType == ContainerEventType.ContainerStoppedEvent)
        {
            e.ContainerEventType = ContainerEventType.ContainerStartedEvent;
        }
    }
}
