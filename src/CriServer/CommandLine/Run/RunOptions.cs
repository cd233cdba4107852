using System.CommandLine;
using Crisp.CriServer.CommandLine.Completion;

namespace Crisp.CriServer.CommandLine.Run;

/// <summary>The options of <c>crisp run</c>, and how they become its settings.</summary>
internal sealed class RunOptions
{
    private readonly Argument<string> _image = new("IMAGE") { Description = "Name of an image, or id of one of this node" };
    private readonly Argument<string[]> _arguments = new("COMMAND")
    {
        Description = "Arguments in place of the image's own",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<string?> _name = new("--name") { Description = "The container's name (default: the image's)", HelpName = "NAME" };
    private readonly Option<string?> _pod = new("--pod") { Description = "Run in the pod of this name, which is made if it is not there", HelpName = "NAME" };
    private readonly Option<string[]> _ports = Many("--publish", "-p", "Port of the node for a port of the pod", "[IP:]HOSTPORT:PORT[/PROTOCOL]");
    private readonly Option<string[]> _volumes = Many("--volume", "-v", "File or directory of the node to mount", "HOST:CONTAINER[:OPTIONS]");
    private readonly Option<string[]> _environment = Many("--env", "-e", "Environment variable", "NAME[=VALUE]");
    private readonly Option<string[]> _labels = Many("--label", "-l", "Label of the container", "NAME=VALUE");
    private readonly Option<string?> _entrypoint = new("--entrypoint") { Description = "Program in place of the image's entrypoint", HelpName = "PATH" };
    private readonly Option<string?> _workdir = new("--workdir", "-w") { Description = "Working directory", HelpName = "DIR" };
    private readonly Option<string?> _user = new("--user", "-u") { Description = "User", HelpName = "UID[:GID]|NAME" };
    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "Memory limit, for example 64m", HelpName = "BYTES" };
    private readonly Option<double?> _cpus = new("--cpus") { Description = "Processor limit, for example 1.5", HelpName = "N" };
    private readonly Option<RunNetwork?> _network = new("--network") { Description = "Whose network (default: the pod's own where the node has CNI)" };
    private readonly Option<string?> _hostname = new("--hostname") { Description = "The pod's host name", HelpName = "NAME" };
    private readonly Option<string?> _runtime = new("--runtime") { Description = "Runtime handler of the pod", HelpName = "HANDLER" };
    private readonly Option<PullPolicy> _pull = new("--pull") { Description = "When the image is fetched (default: when it is missing)" };
    private readonly Option<bool> _privileged = new("--privileged") { Description = "All capabilities and devices of the node" };
    private readonly Option<bool> _readOnly = new("--read-only") { Description = "Root filesystem read-only" };
    private readonly Option<string[]> _added = Many("--cap-add", null, "Capability to add", "NAME");
    private readonly Option<string[]> _dropped = Many("--cap-drop", null, "Capability to drop, or ALL", "NAME");

    public void AddTo(Command command, DaemonOptions daemon)
    {
        _image.WithImages(daemon);
        command.Add(_image);
        command.Add(_arguments);
        foreach (var option in (Option[])
        [
            _name, _pod, _ports, _volumes, _environment, _labels, _entrypoint, _workdir, _user, _memory, _cpus,
            _network, _hostname, _runtime, _pull, _privileged, _readOnly, _added, _dropped,
        ])
        {
            command.Add(option);
        }
    }

    public RunSettings Read(ParseResult parsed) => new()
    {
        Image = parsed.GetRequiredValue(_image),
        Arguments = parsed.GetValue(_arguments) ?? [],
        Entrypoint = parsed.GetValue(_entrypoint),
        Name = parsed.GetValue(_name),
        Pod = parsed.GetValue(_pod),
        Hostname = parsed.GetValue(_hostname),
        Network = parsed.GetValue(_network),
        RuntimeHandler = parsed.GetValue(_runtime) ?? "",
        Environment = parsed.GetValue(_environment) ?? [],
        Volumes = parsed.GetValue(_volumes) ?? [],
        Ports = parsed.GetValue(_ports) ?? [],
        Labels = parsed.GetValue(_labels) ?? [],
        WorkingDirectory = parsed.GetValue(_workdir),
        User = parsed.GetValue(_user),
        Memory = parsed.GetValue(_memory),
        Cpus = parsed.GetValue(_cpus),
        Pull = parsed.GetValue(_pull),
        Privileged = parsed.GetValue(_privileged),
        ReadOnly = parsed.GetValue(_readOnly),
        AddedCapabilities = parsed.GetValue(_added) ?? [],
        DroppedCapabilities = parsed.GetValue(_dropped) ?? [],
    };

    private static Option<string[]> Many(string name, string? alias, string description, string form)
    {
        var option = new Option<string[]>(name, alias is null ? [] : [alias])
        {
            Description = description + " (repeatable)",
            HelpName = form,
            Arity = ArgumentArity.OneOrMore,
            // Otherwise "-p 80:80 IMAGE" would take the image for a second port.
            AllowMultipleArgumentsPerToken = false,
        };
        return option;
    }
}
