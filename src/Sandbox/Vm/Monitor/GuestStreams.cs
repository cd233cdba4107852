using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;
using Crisp.Sandbox.Streams;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Connections to the guest for a process's standard streams, under one token. Null are those that nobody asked for.</summary>
internal sealed class GuestStreams : IDisposable
{
    // The platform's generator opens a library, which a confined monitor cannot.
    private GuestStreams() => RandomBytes.Fill(Token);

    public byte[] Token { get; } = new byte[Preface.TokenSize];

    public FileDescriptor? Stdin { get; private set; }

    public FileDescriptor? Stdout { get; private set; }

    public FileDescriptor? Stderr { get; private set; }

    /// <summary>Opens them, one after the other.</summary>
    /// <param name="done">Gets them to close; what it throws closes them and goes to <paramref name="failed"/>.</param>
    public static void Open(
        VmPod pod, CallDeadline deadline, bool stdin, bool stdout, bool stderr, Action<GuestStreams> done, Action<Exception> failed)
    {
        var streams = new GuestStreams();
        var wanted = new Queue<(ConnectionKind Kind, Action<FileDescriptor> Set)>();
        Want(stdin, ConnectionKind.Stdin, socket => streams.Stdin = socket);
        Want(stdout, ConnectionKind.Stdout, socket => streams.Stdout = socket);
        Want(stderr, ConnectionKind.Stderr, socket => streams.Stderr = socket);
        Next();

        void Want(bool isWanted, ConnectionKind kind, Action<FileDescriptor> set)
        {
            if (isWanted)
            {
                wanted.Enqueue((kind, set));
            }
        }

        void Next()
        {
            if (!wanted.TryDequeue(out var next))
            {
                Finish();
                return;
            }

            GuestDial.Begin(
                pod.Loop,
                pod.Machine,
                next.Kind,
                streams.Token,
                deadline,
                socket =>
                {
                    next.Set(socket);
                    Next();
                },
                Fail);
        }

        void Finish()
        {
            try
            {
                done(streams);
            }
#pragma warning disable CA1031 // Whatever it is, whoever waits must hear of it.
            catch (Exception e)
            {
                Fail(e);
            }
#pragma warning restore CA1031
        }

        void Fail(Exception error)
        {
            streams.Dispose();
            failed(error);
        }
    }

    /// <summary>Moves bytes between them and the client's, which has the same, until each ends. From here on they close themselves.</summary>
    public void Join(EventLoop loop, ClientStreams client)
    {
        Join(loop, client.Stdin, Stdin, isInput: true);
        Join(loop, client.Stdout, Stdout, isInput: false);
        Join(loop, client.Stderr, Stderr, isInput: false);
    }

    public void Dispose()
    {
        Stdin?.Dispose();
        Stdout?.Dispose();
        Stderr?.Dispose();
    }

    private static void Join(EventLoop loop, Connection? client, FileDescriptor? guest, bool isInput)
    {
        if (client is null || guest is null)
        {
            return;
        }

        var (outer, inner) = (PumpEnd.Of(client), new PumpEnd(guest));
        _ = new StreamPump(loop, isInput ? outer : inner, isInput ? inner : outer, () =>
        {
            guest.Dispose();
            client.Close();
        });
    }
}
