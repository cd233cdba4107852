using Crisp.Linux;
using Crisp.Sandbox.Containers;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Streams;

/// <summary>Ties an exec's pipes, or its terminal, to the client's connections.</summary>
/// <remarks>
/// The end of the process's output closes the client's connection, and a client that leaves closes the process's pipe: it
/// gets SIGPIPE when it goes on writing, and on a terminal SIGHUP. The end of stdin closes the pipe; a terminal has no end.
/// </remarks>
internal static class ExecStreaming
{
    public static void Begin(EventLoop loop, Exec exec, StandardPipes pipes, ClientStreams client)
    {
        if (exec.Terminal is { } terminal)
        {
            BeginTerminal(loop, exec, terminal, client);
        }
        else
        {
            BeginInput(loop, pipes, client.Stdin);
            BeginOutput(loop, pipes.Stdout, client.Stdout);
            BeginOutput(loop, pipes.Stderr, client.Stderr);
            (pipes.Stdout, pipes.Stderr) = (null, null);
        }
    }

    /// <summary>The output of a container's main process, for a client instead of a log.</summary>
    /// <param name="terminal">The master of its terminal, or null. It stays the caller's.</param>
    public static void BeginOutput(EventLoop loop, FileDescriptor? terminal, StandardPipes pipes, ClientStreams client)
    {
        if (terminal is null)
        {
            BeginOutput(loop, pipes.Stdout, client.Stdout);
            BeginOutput(loop, pipes.Stderr, client.Stderr);
            (pipes.Stdout, pipes.Stderr) = (null, null);
            return;
        }

        // Output on a terminal is one stream.
        client.Stderr?.Close();
        Files.SetNonBlocking(terminal, true);
        BeginOutput(loop, terminal.Duplicate(), client.Stdout);
    }

    private static void BeginTerminal(EventLoop loop, Exec exec, FileDescriptor terminal, ClientStreams client)
    {
        Files.SetNonBlocking(terminal, true);
        StreamPump? input = null;
        if (client.Stdin is { } stdin)
        {
            // epoll takes each descriptor once, and the master is read as well as written.
            var master = terminal.Duplicate();
            input = new StreamPump(loop, PumpEnd.Of(stdin), new PumpEnd(master), Close);

            void Close()
            {
                input?.Dispose();
                stdin.Close();
                master.Dispose();
                input = null;
            }

            _ = new StreamPump(loop, new PumpEnd(terminal), SinkOf(client.Stdout), () =>
            {
                Close();
                client.Stdout?.Close();
                exec.CloseTerminal();
            });
        }
        else
        {
            _ = new StreamPump(loop, new PumpEnd(terminal), SinkOf(client.Stdout), () =>
            {
                client.Stdout?.Close();
                exec.CloseTerminal();
            });
        }

        // Output on a terminal is one stream.
        client.Stderr?.Close();
    }

    private static PumpEnd? SinkOf(Connection? connection) => connection is null ? null : PumpEnd.Of(connection);

    private static void BeginInput(EventLoop loop, StandardPipes pipes, Connection? client)
    {
        if (client is not null && pipes.Stdin is { } pipe)
        {
            pipes.Stdin = null;
            _ = new StreamPump(loop, PumpEnd.Of(client), new PumpEnd(pipe), () =>
            {
                pipe.Dispose();
                client.Close();
            });
        }
    }

    private static void BeginOutput(EventLoop loop, FileDescriptor? pipe, Connection? client)
    {
        if (client is not null && pipe is not null)
        {
            _ = new StreamPump(loop, new PumpEnd(pipe), PumpEnd.Of(client), () =>
            {
                pipe.Dispose();
                client.Close();
            });
        }
    }
}
