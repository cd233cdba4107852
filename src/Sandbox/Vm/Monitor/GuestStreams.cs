using System.Security.Cryptography;
using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Server;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>Connections to the guest for a process's standard streams, under one token. Null are those that nobody asked for.</summary>
internal sealed class GuestStreams : IDisposable
{
    private GuestStreams()
    {
    }

    public byte[] Token { get; } = RandomNumberGenerator.GetBytes(Preface.TokenSize);

    /// <summary>Whoever takes one sets it to null here.</summary>
    public FileDescriptor? Stdin { get; set; }

    public FileDescriptor? Stdout { get; set; }

    public FileDescriptor? Stderr { get; set; }

    /// <summary>Opens them, one after the other.</summary>
    public static void Open(
        EventLoop loop, IGuestMachine machine, bool stdin, bool stdout, bool stderr, Action<GuestStreams> done, Action<Exception> failed)
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
                done(streams);
                return;
            }

            GuestDial.Begin(
                loop,
                machine,
                next.Kind,
                streams.Token,
                socket =>
                {
                    next.Set(socket);
                    Next();
                },
                error =>
                {
                    streams.Dispose();
                    failed(error);
                });
        }
    }

    public void Dispose()
    {
        Stdin?.Dispose();
        Stdout?.Dispose();
        Stderr?.Dispose();
    }
}
