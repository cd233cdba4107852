using System.CommandLine;
using Crisp.Cgroups;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.CommandLine;

/// <summary><c>crisp serve</c>: the daemon. Options on the command line override the file's.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var file = DaemonOptions.ConfigFileOption();
        var root = new Option<string?>("--root") { Description = "Directory of images and records", HelpName = "DIR" };
        var run = new Option<string?>("--run") { Description = "Directory of sockets and live state", HelpName = "DIR" };
        var socket = new Option<string?>("--socket") { Description = "CRI socket (default: crisp.sock in the run directory)", HelpName = "PATH" };
        var sandbox = new Option<string?>("--sandbox-binary") { Description = "The pods' program (default: crisp-sandbox beside crisp)", HelpName = "PATH" };
        var driver = new Option<CgroupDriver?>("--cgroup-driver") { Description = "Who makes the pods' cgroups" };
        var parent = new Option<string?>("--cgroup-parent") { Description = "cgroup of the pods' processes, and of pods that name no parent", HelpName = "PATH" };
        var level = new Option<LogLevel?>("--log-level") { Description = "Least important lines that are logged" };
        var format = new Option<LogFormat?>("--log-format") { Description = "Lines for people or JSON" };

        var command = new Command("serve", "Run the daemon.") { file, root, run, socket, sandbox, driver, parent, level, format };

        // Without SetRun: the host listens for signals itself.
        command.SetAction((parsed, cancellation) => CommandRun.ReportAsync(parsed, async () =>
        {
            await Daemon.RunAsync(Read(parsed), () => Read(parsed), cancellation);
            return 0;
        }));
        return command;

        CrispConfig Read(ParseResult parsed)
        {
            var config = ConfigFile.Load(parsed.GetValue(file));
            return config with
            {
                Root = FullPath(parsed.GetValue(root)) ?? config.Root,
                Run = FullPath(parsed.GetValue(run)) ?? config.Run,
                Socket = FullPath(parsed.GetValue(socket)) ?? config.Socket,
                SandboxBinary = FullPath(parsed.GetValue(sandbox)) ?? config.SandboxBinary,
                CgroupDriver = parsed.GetValue(driver) ?? config.CgroupDriver,
                CgroupParentPath = CgroupParent(parsed.GetValue(parent)) ?? config.CgroupParentPath,
                LogLevel = parsed.GetValue(level) ?? config.LogLevel,
                LogFormat = parsed.GetValue(format) ?? config.LogFormat,
            };
        }
    }

    private static string? CgroupParent(string? path)
    {
        try
        {
            return path is null ? null : CgroupPath.Parse(path).Value;
        }
        catch (ArgumentException e)
        {
            throw new CommandException(e.Message, e);
        }
    }

    private static string? FullPath(string? path) => path is null ? null : Path.GetFullPath(path);
}
