using System.CommandLine;
using Crisp.Cgroups;
using Crisp.Cgroups.Systemd;
using Crisp.CriServer.Configuration;
using Crisp.CriServer.Hosting;
using Crisp.Install;

namespace Crisp.CriServer.CommandLine.Install;

/// <summary><c>crisp install</c>: this version as a service of this machine. Also the way to another version, up or down.</summary>
internal static class InstallCommand
{
    public static Command Create()
    {
        var printUnit = new Option<bool>("--print-unit") { Description = "Print the unit of systemd's and change nothing" };
        var programs = new Option<string?>("--from")
        {
            Description = "Directory of the programs crisp and crisp-sandbox (default: where this one lies)",
            HelpName = "DIR",
        };
        var patience = new Option<int>("--timeout")
        {
            Description = "Seconds that the daemon may take until it answers; then all is taken back",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => 120,
        };
        var command = new Command("install", "Install this version as a service of this machine, or bring the one that is there to it.")
        {
            printUnit, programs, patience,
        };
        command.SetRun(async (parsed, cancellation) =>
        {
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(printUnit))
            {
                await output.WriteAsync(CrispUnit.Text);
                return 0;
            }

            ThisMachine.Require();
            var directory = Path.GetFullPath(parsed.GetValue(programs) ?? Path.GetDirectoryName(Environment.ProcessPath)!);
            var request = new InstallRequest(new ProgramSource(directory, ProgramFiles.Programs, CrispVersion.Text))
            {
                DefaultConfig = ConfigText.Write(new CrispConfig { CgroupDriver = Driver() }),
                Patience = TimeSpan.FromSeconds(parsed.GetValue(patience)),
            };
            await output.WriteLineAsync(await ThisMachine.Installation(ThisMachine.Say(parsed)).InstallAsync(request, cancellation)
                ? $"crisp {CrispVersion.Text} runs and answers on {ThisMachine.Config.SocketPath}. \"crisp check\" says what this node can do."
                : $"crisp {CrispVersion.Text} is installed already and answers on {ThisMachine.Config.SocketPath}.");
            return 0;
        });
        return command;
    }

    // systemd is process 1 here, and so the manager of cgroups that the kubelet expects; where its library is missing, crisp manages its own.
    private static CgroupDriver Driver() => SystemdUnits.Problem is null ? CgroupDriver.Systemd : CgroupDriver.Cgroupfs;
}
