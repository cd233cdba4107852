using Crisp.Linux;

namespace Crisp.Sandbox.Server;

/// <summary>The signals that mean something to a pod's process. All others that are blocked are taken and forgotten.</summary>
internal sealed class SignalHandler(SignalFd signals, SandboxService service, Action child) : IEventHandler
{
    public void OnReady(EpollEvents events)
    {
        for (int signal; (signal = signals.Take()) != 0;)
        {
            switch (signal)
            {
                case Signals.Child:
                    child();
                    break;
                case Signals.Terminate:
                    Diagnostics.Say("SIGTERM: the pod is ended.");
                    service.Terminate();
                    break;
            }
        }
    }
}
