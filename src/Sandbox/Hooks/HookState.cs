using System.Text.Json;
using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Hooks;

/// <summary>What a hook reads from its standard input: the container's state (OCI runtime specification, runtime.md, "State").</summary>
internal static class HookState
{
    /// <param name="pid">Of the container's first process in the node's PID namespace; 0 for none.</param>
    /// <returns>A sealed file at its beginning, so that no hook has to be waited for to take it.</returns>
    internal static FileDescriptor Open(ContainerSpec spec, HookPhase phase, int pid)
    {
        var file = Memfd.Create("oci-state");
        try
        {
            Files.WriteAll(file, Json(spec, phase, pid));
            Memfd.Seal(file);
            Files.Seek(file, 0);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ReadOnlySpan<byte> Json(ContainerSpec spec, HookPhase phase, int pid)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("ociVersion", HookSpec.OciVersion);
            json.WriteString("id", spec.Id);
            json.WriteString("status", phase switch
            {
                HookPhase.Poststart => "running",
                HookPhase.Poststop => "stopped",
                _ => "creating",
            });
            if (pid > 0)
            {
                json.WriteNumber("pid", pid);
            }

            json.WriteString("bundle", spec.Bundle);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }
}
