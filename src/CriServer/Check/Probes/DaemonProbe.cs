using Crisp.Cri.V1;
using Crisp.CriServer.CommandLine;
using Crisp.CriServer.Hosting;
using Grpc.Core;

namespace Crisp.CriServer.Check.Probes;

/// <summary>The daemon: whether it answers, which version it is, and what it says of itself.</summary>
internal static class DaemonProbe
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        using var client = new DaemonClient(context.SocketPath);
        try
        {
            var version = client.Runtime.Version(new VersionRequest(), deadline: DateTime.UtcNow + _patience);
            var status = client.Runtime.Status(new StatusRequest(), deadline: DateTime.UtcNow + _patience);
            return Judge(context.SocketPath, version, status.Status);
        }
        catch (RpcException e)
        {
            return [CheckResult.Warning("daemon", "does not answer", DaemonFailure.Sentence(e))];
        }
    }

    internal static IEnumerable<CheckResult> Judge(string socket, VersionResponse version, RuntimeStatus status)
    {
        var found = $"{version.RuntimeName} {version.RuntimeVersion} answers on {socket}";
        yield return version.RuntimeVersion == CrispVersion.Text
            ? CheckResult.Ok("daemon", found)
            : CheckResult.Warning("daemon", $"{found}, this is crisp {CrispVersion.Text}", "Restart the daemon after an update; pods live on.");
        foreach (var condition in status.Conditions)
        {
            yield return condition.Status
                ? CheckResult.Ok(condition.Type, "true")
                : CheckResult.Warning(condition.Type, $"false, {condition.Reason}", condition.Message);
        }
    }
}
