using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Logs;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Streams;

/// <summary>
/// Ties a client's connections to a container's main process: input goes straight to it, output is copied for the client by
/// the log's thread. Any number of clients may be attached; none of them, going or staying, ends the container.
/// </summary>
internal static class Attachment
{
    /// <param name="container">Running or paused.</param>
    public static void Begin(EventLoop loop, NamespaceContainer container, ClientStreams client)
    {
        if (client.Stdin is { } stdin)
        {
            BeginInput(loop, container, stdin);
        }

        BeginOutput(loop, container, client);
    }

    /// <summary>The output alone, which is copied from what goes to the log.</summary>
    public static void BeginOutput(EventLoop loop, Container container, ClientStreams client)
    {
        BeginOutput(loop, container.Log, client.Stdout, isStderr: false);

        // Output on a terminal is one stream.
        if (container.Spec.Process.Terminal)
        {
            client.Stderr?.Close();
        }
        else
        {
            BeginOutput(loop, container.Log, client.Stderr, isStderr: true);
        }
    }

    private static void BeginInput(EventLoop loop, NamespaceContainer container, Connection client)
    {
        var sink = container.Terminal ?? container.Descriptors.Stdin;
        if (sink is null)
        {
            client.Close();
            return;
        }

        // epoll takes each descriptor once, and others may be attached too.
        var copy = sink.Duplicate();
        var input = new AttachedInput(container);
        input.Pump = new StreamPump(loop, PumpEnd.Of(client), new PumpEnd(copy), () =>
        {
            copy.Dispose();
            client.Close();
            input.Ended();
        });
        input.Closing = () =>
        {
            input.Pump.Dispose();
            copy.Dispose();
            client.Close();
        };
        container.Inputs.Add(input);
    }

    private static void BeginOutput(EventLoop loop, LogPump? log, Connection? client, bool isStderr)
    {
        if (client is null)
        {
            return;
        }

        if (log is null)
        {
            client.Close();
            return;
        }

        var subscriber = new LogSubscriber(client.Socket.Duplicate(), isStderr, () => loop.Post(client.Close));
        client.Watch.Handler = new Departure(client, log, subscriber);
        client.Watch.Change(EpollEvents.EdgeTriggered);
        log.Attach(subscriber);
    }

    private sealed class Departure(Connection client, LogPump log, LogSubscriber subscriber) : IEventHandler
    {
        public void OnReady(EpollEvents events)
        {
            if ((events & (EpollEvents.HangUp | EpollEvents.Error)) != 0)
            {
                log.Detach(subscriber);
                client.Close();
            }
        }
    }
}
