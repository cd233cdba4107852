using Crisp.Sandbox.Containers;

namespace Crisp.Sandbox.Streams;

/// <summary>One client's input for a container's main process.</summary>
internal sealed class AttachedInput(NamespaceContainer container)
{
    public StreamPump Pump { get; set; } = null!;

    public Action Closing { get; set; } = static () => { };

    /// <summary>
    /// The client has sent its last. For a container with stdinOnce that is the end of its input, for good: whoever else is
    /// attached cannot hold it open.
    /// </summary>
    public void Ended()
    {
        container.Inputs.Remove(this);
        if (container.Spec.Process.StdinOnce && container.Terminal is null)
        {
            container.Descriptors.CloseStdin();
            foreach (var other in container.Inputs)
            {
                other.Closing();
            }

            container.Inputs.Clear();
        }
    }
}
