using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Crisp.Cgroups;
using Crisp.Linux;
using Crisp.Sandbox.Launch;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp plan</c>: the exact system calls of a container's birth, from its specification. Nothing is started.</summary>
internal static class PlanCommand
{
    // A specification with a seccomp program and some hundred mounts has some hundred kilobytes.
    private const int LargestFile = 16 << 20;

    public static Command Create()
    {
        var file = new Argument<string>("FILE")
        {
            Description = "A container's specification in JSON, as crisp inspect shows it under runtimeSpec; - is standard input",
        };
        var exec = new Option<bool>("--exec") { Description = "FILE is the specification of a process that joins a running container" };
        var pod = new Option<string?>("--pod") { Description = "The pod's specification (default: a pod with all its own but no user namespace)", HelpName = "FILE" };
        var root = new Option<string?>("--rootfs") { Description = "Where names of users are looked up and symlinks are followed", HelpName = "DIR" };
        var command = new Command("plan", "Print the system calls that would start a container.") { file, exec, pod, root };
        command.SetRun((parsed, _) =>
        {
            using var rootfs = parsed.GetValue(root) is { } directory ? OpenRoot(directory) : null;
            var text = new PlanText(Facts(), rootfs, path => File.Exists(path));
            var source = parsed.GetRequiredValue(file);
            var podFile = parsed.GetValue(pod);
            var plan = parsed.GetValue(exec)
                ? Plan(rootfs, () => text.Exec(Read(source, SpecJson.Default.ProcessSpec), Pod(podFile, sharedPid: false)))
                : Plan(rootfs, () =>
                {
                    var spec = Read(source, SpecJson.Default.ContainerSpec);
                    return text.Container(spec, Pod(podFile, spec.Namespaces.Pid == PidNamespace.Pod));
                });
            parsed.InvocationConfiguration.Output.Write(plan);
            return Task.FromResult(0);
        });
        return command;
    }

    private static string Plan(FileDescriptor? rootfs, Func<string> plan)
    {
        try
        {
            return plan();
        }
        catch (SandboxException e)
        {
            var hint = rootfs is null && e.Message.Contains("/etc/", StringComparison.Ordinal) ? " Say with --rootfs where the image is." : "";
            throw new CommandException(e.Message + hint, e);
        }
    }

    private static LaunchFacts Facts()
    {
        try
        {
            return LaunchFacts.From(CgroupManager.Detect().Facts);
        }
        catch (CgroupUnsupportedException e)
        {
            throw new CommandException($"The plan depends on this machine's cgroups. {e.Message}", e);
        }
    }

    private static FileDescriptor OpenRoot(string directory)
    {
        try
        {
            return Files.Open(directory, OpenFlags.Path | OpenFlags.Directory);
        }
        catch (LinuxException e)
        {
            throw new CommandException($"The root filesystem {directory} cannot be opened: {e.Errno.Describe()}.", e);
        }
    }

    private static SandboxSpec Pod(string? file, bool sharedPid) => file is not null
        ? Read(file, SpecJson.Default.SandboxSpec)
        : new SandboxSpec
        {
            Id = new string('0', 64),
            NetworkNamespace = true,
            UtsNamespace = true,
            SharedPidNamespace = sharedPid,
            CgroupPath = "pod",
        };

    private static T Read<T>(string path, JsonTypeInfo<T> type)
    {
        try
        {
            using var file = path == "-" ? new FileDescriptor(0, ownsHandle: false) : Files.Open(path, OpenFlags.ReadOnly);
            return JsonSerializer.Deserialize(Files.ReadToEnd(file, LargestFile), type)
                ?? throw new CommandException($"{path} holds null, and no specification.");
        }
        catch (LinuxException e)
        {
            throw new CommandException($"{path} cannot be read: {e.Errno.Describe()}.", e);
        }
        catch (JsonException e)
        {
            throw new CommandException($"{path} is no {typeof(T).Name}: {e.Message}", e);
        }
    }
}
