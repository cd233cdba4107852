using System.Formats.Tar;
using System.Text.Json;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.CriServer.Stats;
using Crisp.Linux;
using Grpc.Core;

namespace Crisp.CriServer.Checkpoints;

/// <summary>
/// The archive that CheckpointContainer asks for: criu's images, the container's writable layer, and who it was, in the files that
/// CRI-O and containerd write.
/// </summary>
internal static class ContainerCheckpoint
{
    /// <param name="work">A directory to make and remove again.</param>
    /// <exception cref="CriException">There is nothing that criu could dump, it failed, or the archive cannot be written.</exception>
    public static async Task WriteAsync(
        string criu, ContainerRecord container, SandboxRecord sandbox, string work, string location, TimeSpan timeout)
    {
        if (!location.StartsWith('/') || location.EndsWith('/') || location.Contains('\0', StringComparison.Ordinal))
        {
            throw CriException.Invalid($"The location \"{location}\" of a checkpoint is not the absolute path of a file.");
        }

        if (sandbox.Spec.Vm is not null)
        {
            throw CriException.Precondition($"The container {container.Id} runs in a virtual machine, of which there are no checkpoints.");
        }

        if (container.Stage != ContainerStage.Running)
        {
            throw CriException.Precondition($"The container {container.Id} is not running, so that there is nothing to checkpoint.");
        }

        var upper = LayerMeter.PathOf(container)
            ?? throw CriException.Precondition($"The container {container.Id} has no writable layer, of which a checkpoint could tell.");
        try
        {
            PrivateDirectory.Create(work);
            var dump = new CriuDump(criu, container, upper, work);
            await dump.RunAsync(timeout);
            await ArchiveAsync(dump, container, sandbox, location);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            throw new CriException(StatusCode.Internal, $"The checkpoint of the container {container.Id} cannot be written to {location}: {e.Message}", e);
        }
        finally
        {
            TreeRemoval.Remove(work);
        }
    }

    // Under another name until it is whole: the memory of a container is nobody's but root's.
    private static async Task ArchiveAsync(CriuDump dump, ContainerRecord container, SandboxRecord sandbox, string location)
    {
        var unfinished = $"{location}.{container.Id[..12]}.partial";
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            await using (var file = new FileStream(unfinished, options))
            {
                await using (var tar = new TarWriter(file, TarEntryFormat.Pax, leaveOpen: true))
                {
                    var now = DateTimeOffset.UtcNow;
                    await AddAsync(tar, "config.dump", JsonSerializer.SerializeToUtf8Bytes(CheckpointConfig.Of(container, now), CheckpointJson.Default.CheckpointConfig));
                    await AddAsync(tar, "spec.dump", JsonSerializer.SerializeToUtf8Bytes(CheckpointSpec.Of(container, sandbox), CheckpointJson.Default.CheckpointSpec));
                    await tar.WriteEntryAsync(dump.Log, "dump.log");
                    await tar.WriteEntryAsync(dump.Statistics, "stats-dump");
                    await tar.WriteEntryAsync(dump.RootfsDiff, "rootfs-diff.tar");
                    foreach (var image in Directory.EnumerateFiles(dump.Images).Order(StringComparer.Ordinal))
                    {
                        await tar.WriteEntryAsync(image, $"checkpoint/{Path.GetFileName(image)}");
                    }
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, location, overwrite: true);
        }
        catch
        {
            File.Delete(unfinished);
            throw;
        }
    }

    private static Task AddAsync(TarWriter tar, string name, byte[] content)
        => tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(content),
            Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
}
