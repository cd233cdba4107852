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
    public static void Begin(EventLoop loop, Container container, ClientStreams client)
    {
        if (client.Stdin is { } stdin)
        {
            BeginInput(loop, container, stdin);
        }

        BeginOutput(loop, container, client.Stdout, isStderr: false);

        // Output on a terminal is one stream.
        if (container.Terminal is null)
        {
            BeginOutput(loop, container, client.Stderr, isStderr: true);
        }
        else
        {
            client.Stderr?.Close();
        }
    }

    private static void BeginInput(EventLoop loop, Container container, Connection client)
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

    private static void BeginOutput(EventLoop loop, Container container, Connection? client, bool isStderr)
    {
        if (client is null)
        {
            return;
        }

        if (container.Log is not { } log)
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
