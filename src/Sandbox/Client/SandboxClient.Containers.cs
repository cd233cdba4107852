using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;
using Google.Protobuf;

namespace Crisp.Sandbox.Client;

public sealed partial class SandboxClient
{
    /// <param name="descriptors">In the order of <see cref="ContainerSpec"/>. They are copied: the caller closes its own.</param>
    /// <returns>The user as the container's own /etc/passwd and /etc/group resolve it.</returns>
    public async Task<CreateContainerResponse> CreateContainerAsync(
        ContainerSpec spec, IReadOnlyList<FileDescriptor> descriptors, CancellationToken cancellationToken = default)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(spec, SpecJson.Default.ContainerSpec);
        var request = new CreateContainerRequest { SpecJson = ByteString.CopyFrom(json) };
        if (descriptors.Count > 0)
        {
            var token = NewToken();
            using var deadline = new Deadline(_options.OperationTimeout, cancellationToken);
            await deadline.RunAsync(
                "CreateContainer",
                limit => SandboxConnector.SendDescriptorsAsync(_path, token, descriptors, Peer.Pid, limit)).ConfigureAwait(false);
            request.DescriptorToken = ByteString.CopyFrom(token);
        }

        return await _connection.CallAsync(
            "CreateContainer", request, CreateContainerResponse.Parser, _options.OperationTimeout, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs the container's plan up to execve. A failure is the container's end too, with exit code 128 and the same message.</summary>
    /// <param name="hooks">How long the container's hooks may take.</param>
    public Task<StartContainerResponse> StartContainerAsync(
        string containerId, TimeSpan hooks = default, CancellationToken cancellationToken = default)
        => _connection.CallAsync(
            "StartContainer",
            new StartContainerRequest { ContainerId = containerId },
            StartContainerResponse.Parser,
            _options.OperationTimeout + hooks,
            cancellationToken);

    /// <returns>How it ended; null when it never ran or is not known (any more).</returns>
    public async Task<ExitInfo?> DeleteContainerAsync(string containerId, CancellationToken cancellationToken = default)
    {
        var request = new DeleteContainerRequest { ContainerId = containerId };
        var response = await _connection.CallAsync(
            "DeleteContainer", request, DeleteContainerResponse.Parser, _options.OperationTimeout, cancellationToken).ConfigureAwait(false);
        return response.Exit;
    }

    /// <summary>Waits, as long as it takes, for the end of a container's main process or of an exec.</summary>
    public async Task<ExitInfo> WaitAsync(string containerId, string execId = "", CancellationToken cancellationToken = default)
    {
        var request = new WaitRequest { ContainerId = containerId, ExecId = execId };
        var response = await _connection.CallAsync(
            "Wait", request, WaitResponse.Parser, timeout: null, cancellationToken).ConfigureAwait(false);
        return response.Exit;
    }

    /// <summary>A signal for the main process, or for an exec. One that has ended already is no error.</summary>
    public Task SignalAsync(string containerId, int signal, string execId = "", CancellationToken cancellationToken = default)
        => SignalAsync(
            new SignalRequest { ContainerId = containerId, ExecId = execId, Signal = signal }, cancellationToken);

    /// <summary>SIGKILL for every process of the container.</summary>
    public Task KillAllAsync(string containerId, CancellationToken cancellationToken = default)
        => SignalAsync(new SignalRequest { ContainerId = containerId, Signal = Signals.Kill, All = true }, cancellationToken);

    public Task ResizeAsync(
        string containerId, ushort width, ushort height, string execId = "", CancellationToken cancellationToken = default)
        => _connection.CallAsync(
            "Resize",
            new ResizeRequest { ContainerId = containerId, ExecId = execId, Width = width, Height = height },
            ResizeResponse.Parser,
            _options.CallTimeout,
            cancellationToken);

    public Task UpdateAsync(string containerId, ResourcesSpec resources, CancellationToken cancellationToken = default)
        => _connection.CallAsync(
            "Update",
            new UpdateRequest
            {
                ContainerId = containerId,
                ResourcesJson = ByteString.CopyFrom(JsonSerializer.SerializeToUtf8Bytes(resources, SpecJson.Default.ResourcesSpec)),
            },
            UpdateResponse.Parser,
            _options.CallTimeout,
            cancellationToken);

    /// <summary>Answers once every line from then on goes to a new file under the log's name.</summary>
    public Task ReopenLogAsync(string containerId, CancellationToken cancellationToken = default)
        => _connection.CallAsync(
            "ReopenLog",
            new ReopenLogRequest { ContainerId = containerId },
            ReopenLogResponse.Parser,
            _options.CallTimeout,
            cancellationToken);

    public Task PauseAsync(string containerId, CancellationToken cancellationToken = default)
        => _connection.CallAsync(
            "Pause", new PauseRequest { ContainerId = containerId }, PauseResponse.Parser, _options.CallTimeout, cancellationToken);

    public Task ResumeAsync(string containerId, CancellationToken cancellationToken = default)
        => _connection.CallAsync(
            "Resume", new ResumeRequest { ContainerId = containerId }, ResumeResponse.Parser, _options.CallTimeout, cancellationToken);

    private Task<SignalResponse> SignalAsync(SignalRequest request, CancellationToken cancellationToken)
        => _connection.CallAsync("Signal", request, SignalResponse.Parser, _options.CallTimeout, cancellationToken);
}
