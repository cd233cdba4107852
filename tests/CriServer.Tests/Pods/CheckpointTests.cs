using System.Diagnostics;
using System.Formats.Tar;
using System.Text.Json;
using Crisp.Cri.V1;
using Crisp.CriServer.Tests.Networking;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.Pods;

/// <summary>CheckpointContainer with a criu that works, and with what stands in for one that does not.</summary>
public sealed class CheckpointTests : IAsyncLifetime
{
    private readonly LeaseNetwork _network = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("crisp-test-").FullName;
    private PodNode _node = null!;

    private string Criu => Path.Combine(_directory, "criu");

    private string Archive => Path.Combine(_directory, "checkpoint.tar");

    public async ValueTask InitializeAsync()
    {
        var config = Path.Combine(_directory, "config.toml");
        await File.WriteAllTextAsync(config, $"{await File.ReadAllTextAsync(_network.ConfigFile)}\n[checkpoint]\ncriu = \"{Criu}\"\n");
        _node = new PodNode(config, _network);
        await _node.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData(NamespaceMode.Node)]
    [InlineData(NamespaceMode.Pod)]
    public async Task Archive_HasTheProcessesTheFilesAndWhoseTheyAre(NamespaceMode network)
    {
        PodNode.Require();
        UseCriu();
        var pod = await _node.RunPodAsync(p => p.Linux.SecurityContext.NamespaceOptions.Network = network);
        var container = await _node.LaunchAsync(pod, ["sh", "-c", "echo kept > /file; while :; do sleep 1; done"]);
        Assert.Equal(0, (await _node.ExecAsync(container, "sh", "-c", "until grep -q kept /file; do sleep 0.1; done")).Code);

        await CheckpointAsync(container);

        var files = Read(Archive);
        Assert.Contains("checkpoint/inventory.img", files.Keys);
        Assert.Contains("checkpoint/pstree.img", files.Keys);
        Assert.Contains("dump.log", files.Keys);
        var config = JsonDocument.Parse(files["config.dump"]).RootElement;
        Assert.Equal(container, config.GetProperty("id").GetString());
        Assert.Equal(pod, JsonDocument.Parse(files["spec.dump"]).RootElement.GetProperty("annotations").GetProperty("io.kubernetes.cri.sandbox-id").GetString());
        await File.WriteAllBytesAsync(Path.Combine(_directory, "diff.tar"), files["rootfs-diff.tar"]);
        Assert.Equal("kept\n", System.Text.Encoding.ASCII.GetString(Read(Path.Combine(_directory, "diff.tar"))["./file"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Archive));

        Assert.Equal(ContainerState.ContainerRunning, (await _node.StatusAsync(container)).State);
        await _node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task CriuThatFails_IsQuoted_AndNothingIsLeft()
    {
        PodNode.Require();
        Pretend("for a; do [ \"$last\" = --log-file ] && log=$a; last=$a; done; echo '(00.1) Error (criu/mem.c:1): no such memory' > \"$log\"; exit 7");
        var pod = await _node.RunPodAsync();
        var container = await _node.LaunchAsync(pod, ["sleep", "1000"]);

        var (code, message) = await PodNode.RefusedAsync(() => CheckpointAsync(container));

        Assert.Equal(StatusCode.FailedPrecondition, code);
        Assert.Equal($"The container {container} cannot be checkpointed: {Criu} ended with 7. Error (criu/mem.c:1): no such memory.", message);
        Assert.Equal(["config.toml", "criu"], Directory.GetFileSystemEntries(_directory).Select(Path.GetFileName).Order());
        Assert.Empty(Directory.GetDirectories(Path.Combine(_node.Daemon.Root, "containers", container), "checkpoint*"));
        await _node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task CriuThatHangs_IsEnded()
    {
        PodNode.Require();
        Pretend("sleep 1000");
        var pod = await _node.RunPodAsync();
        var container = await _node.LaunchAsync(pod, ["sleep", "1000"]);

        var (code, message) = await PodNode.RefusedAsync(() => CheckpointAsync(container, timeout: 1));

        Assert.Equal(StatusCode.DeadlineExceeded, code);
        Assert.Equal($"The container {container} was not checkpointed within 1 s; criu was ended.", message);
        await _node.RemovePodAsync(pod);
    }

    [Fact]
    public async Task WhatCannotBeCheckpointed_SaysWhy()
    {
        PodNode.Require();
        var pod = await _node.RunPodAsync();
        var created = await _node.CreateAsync(pod, ["sleep", "1000"]);
        Assert.Contains("is not running", (await PodNode.RefusedAsync(() => CheckpointAsync(created))).Message, StringComparison.Ordinal);

        var running = await _node.LaunchAsync(pod, ["sleep", "1000"], c => c.Metadata.Name = "running");
        Assert.Contains("checkpoint.criu names, cannot be executed", (await PodNode.RefusedAsync(() => CheckpointAsync(running))).Message, StringComparison.Ordinal);
        Assert.Equal(StatusCode.InvalidArgument, (await PodNode.RefusedAsync(() => CheckpointAsync(running, location: "here.tar"))).Code);
        Assert.Equal(StatusCode.NotFound, (await PodNode.RefusedAsync(() => CheckpointAsync("none"))).Code);
        await _node.RemovePodAsync(pod);
    }

    private static Dictionary<string, byte[]> Read(string archive)
    {
        var files = new Dictionary<string, byte[]>();
        using var stream = File.OpenRead(archive);
        using var tar = new TarReader(stream);
        while (tar.GetNextEntry() is { } entry)
        {
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            files[entry.Name] = content.ToArray();
        }

        return files;
    }

    private async Task CheckpointAsync(string container, string? location = null, long timeout = 60)
        => await _node.Runtime.CheckpointContainerAsync(new CheckpointContainerRequest { ContainerId = container, Location = location ?? Archive, Timeout = timeout });

    /// <summary>CRISP_TEST_CRIU, or the one that is installed.</summary>
    private void UseCriu()
    {
        var program = Environment.GetEnvironmentVariable("CRISP_TEST_CRIU") ?? "/usr/sbin/criu";
        Assert.SkipUnless(File.Exists(program), $"needs criu ({program})");
        using var check = Process.Start(new ProcessStartInfo(program, ["check"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var errors = check.StandardError.ReadToEnd();
        check.WaitForExit();
        Assert.SkipUnless(check.ExitCode == 0, $"{program} does not work on this kernel: {errors.Split('\n')[0]}");
        Pretend($"exec {program} \"$@\"");
    }

    private void Pretend(string script)
    {
        File.WriteAllText(Criu, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(Criu, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }
}
