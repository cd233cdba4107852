using System.Globalization;
using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Crisp.Linux;
using Grpc.Core;

namespace Crisp.CriServer.Containers;

/// <summary>
/// Keeps containers' writable layers within their sizes, by a project quota for each: all files of the layer belong to one project of
/// the filesystem, which has a limit.
/// </summary>
/// <remarks>
/// Nothing but the filesystem says which projects are taken. A project is the container's from the moment that its directories have it
/// until they are gone, and its limit is lifted while they still are there: a limit without a directory never is, so that the next
/// daemon finds all that one which died has left. A project that anybody uses or has limited is left alone.
/// </remarks>
/// <param name="directory">Where all containers' directories are.</param>
public sealed partial class LayerQuotas(string directory, ILogger logger)
{
    /// <summary>Crisp's projects, far above those that people and the kubelet (from 1048577 on) give out.</summary>
    public const uint FirstProject = 2_000_000_000;

    public const uint LastProject = 2_099_999_999;

    private const int MostTries = 10_000;
    private readonly Lock _gate = new();

    // Anywhere, so that another daemon on the same filesystem looks elsewhere at the same moment.
    private uint _next = FirstProject + (uint)Random.Shared.Next((int)(LastProject - FirstProject));

    /// <summary>Why the filesystem of this directory limits no layer, as a clause; null when it does.</summary>
    public static string? ProblemOf(string path)
    {
        using var opened = Files.Open(path, OpenFlags.Directory);
        return ProjectQuota.StateOf(opened) switch
        {
            ProjectQuotaState.Enforced => null,
            ProjectQuotaState.Accounting => $"the filesystem of {path} counts by project and limits none: mount it with the option prjquota",
            _ => $"the filesystem of {path} has no project quota: put it on xfs, or on ext4 with its features quota and project, mounted with the option prjquota",
        };
    }

    /// <exception cref="CriException">FAILED_PRECONDITION: this node cannot keep the size.</exception>
    internal void Require(LayerSize size)
    {
        if (ProblemOf(directory) is { } problem)
        {
            throw Refused(size, problem);
        }
    }

    /// <summary>Gives the container's directories, which must be empty, a project with this limit.</summary>
    /// <exception cref="CriException">FAILED_PRECONDITION: this node cannot keep the size.</exception>
    internal LayerQuota Limit(ContainerDirectories container, LayerSize size)
    {
        Require(size);
        try
        {
            lock (_gate)
            {
                using var filesystem = Files.Open(directory, OpenFlags.Directory);
                var project = FindFree(filesystem);
                foreach (var path in container.Layer)
                {
                    using var opened = Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow);
                    ProjectQuota.Assign(opened, project);
                }

                ProjectQuota.SetLimit(filesystem, project, size.Bytes);
                return new LayerQuota(project, size.Bytes);
            }
        }
        catch (LinuxException e)
        {
            throw new CriException(StatusCode.FailedPrecondition, Refused(size, e.Message).Message, e);
        }
    }

    /// <summary>Lifts the limit of the container's directories, which may be those of a container that never was; they go next.</summary>
    internal void Release(ContainerDirectories container)
    {
        try
        {
            foreach (var path in container.Layer.Where(Directory.Exists))
            {
                using var opened = Files.Open(path, OpenFlags.Directory | OpenFlags.NoFollow);
                if (ProjectQuota.Of(opened) is >= FirstProject and <= LastProject and var project)
                {
                    ProjectQuota.SetLimit(opened, project, bytes: 0);
                }
            }
        }
        catch (LinuxException e)
        {
            // Nothing waits for it: the project is not given out again as long as it has a limit.
            Log.NotReleased(logger, container.Path, e.Message);
        }
    }

    /// <summary>What the layer takes now, anonymous volumes and overlayfs's own directory included; null when quotas are off meanwhile.</summary>
    internal DiskUsage? UsageOf(LayerQuota quota)
    {
        try
        {
            using var filesystem = Files.Open(directory, OpenFlags.Directory);
            var usage = ProjectQuota.Usage(filesystem, quota.Project);
            return new DiskUsage(usage.Bytes, usage.Inodes);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    private uint FindFree(FileDescriptor filesystem)
    {
        for (var tries = 0; tries < MostTries; tries++)
        {
            var project = _next;
            _next = project == LastProject ? FirstProject : project + 1;
            if (ProjectQuota.Usage(filesystem, project).IsFree)
            {
                return project;
            }
        }

        throw new LinuxException("quotactl_fd", Errno.EBUSY, string.Create(CultureInfo.InvariantCulture, $"{MostTries} projects below {_next}, which are all in use"));
    }

    private static CriException Refused(LayerSize size, string problem) => CriException.Precondition(
        string.Create(CultureInfo.InvariantCulture, $"No writable layer can be limited to {size.Bytes} bytes, as {size.Source} asks: {problem}."));

    private static partial class Log
    {
        [LoggerMessage(35, LogLevel.Warning, "The limit of the writable layer in {Directory} could not be lifted: {Reason}", EventName = "LayerNotReleased")]
        public static partial void NotReleased(ILogger logger, string directory, string reason);
    }
}
