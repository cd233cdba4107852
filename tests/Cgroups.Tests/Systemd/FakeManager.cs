using System.Net.Sockets;
using System.Text;

namespace Crisp.Cgroups.Tests.Systemd;

/// <summary>A call that came: its member and, as text, its arguments.</summary>
internal sealed record BusCall(string Member, string Arguments, uint Serial);

/// <summary>
/// A manager of units that listens as systemd does on /run/systemd/private, on a socket of its own, and answers what a test says.
/// </summary>
internal sealed class FakeManager : IDisposable
{
    internal const string Job = "/org/freedesktop/systemd1/job/7";
    private readonly string _directory = Directory.CreateTempSubdirectory("crisp-bus-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Func<BusCall, IEnumerable<byte[]>> _answer;
    private readonly Thread _thread;

    /// <param name="answer">The messages that follow a call.</param>
    internal FakeManager(Func<BusCall, IEnumerable<byte[]>> answer)
    {
        _answer = answer;
        _listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(_directory, "s")));
        _listener.Listen();
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    internal string Address => $"unix:path={Path.Combine(_directory, "s")}";

    internal List<BusCall> Calls { get; } = [];

    internal static byte[] Answer(BusCall call, string signature, Action<BusWriter> write)
    {
        var body = new BusWriter();
        write(body);
        return BusWriter.Message(2, 100, body.Bytes, (5, 'u', call.Serial), (8, 'g', signature));
    }

    internal static byte[] AnswerJob(BusCall call) => Answer(call, "o", w => w.Text(Job));

    internal static byte[] Refuse(BusCall call, string error, string reason)
        => BusWriter.Message(3, 101, new BusWriter().Text(reason).Bytes, (4, 's', error), (5, 'u', call.Serial), (8, 'g', "s"));

    internal static byte[] JobRemoved(string job, string result)
        => BusWriter.Message(
            4,
            102,
            new BusWriter().UInt32(7).Text(job).Text("x.scope").Text(result).Bytes,
            (1, 'o', "/org/freedesktop/systemd1"),
            (2, 's', "org.freedesktop.systemd1.Manager"),
            (3, 's', "JobRemoved"),
            (8, 'g', "uoss"));

    public void Dispose()
    {
        _listener.Dispose();
        _thread.Join();
        Directory.Delete(_directory, recursive: true);
    }

    private void Run()
    {
        while (true)
        {
            try
            {
                using var client = _listener.Accept();
                using var stream = new NetworkStream(client);
                Authenticate(stream);
                Serve(stream);
            }
            catch (SocketException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (IOException)
            {
                // The client has gone.
            }
        }
    }

    // D-Bus specification, "Authentication Protocol": EXTERNAL, with the identity in AUTH or in a DATA line.
    private static void Authenticate(NetworkStream stream)
    {
        stream.ReadByte();
        while (ReadLine(stream) is not "BEGIN" and var line)
        {
            var answer = line.StartsWith("NEGOTIATE", StringComparison.Ordinal) ? "AGREE_UNIX_FD"
                : line == "AUTH EXTERNAL" ? "DATA"
                : "OK 0123456789abcdef0123456789abcdef";
            stream.Write(Encoding.ASCII.GetBytes($"{answer}\r\n"));
        }
    }

    private static string ReadLine(NetworkStream stream)
    {
        var line = new StringBuilder();
        while (stream.ReadByte() is var next and not '\n')
        {
            line.Append(next < 0 ? throw new IOException("closed") : (char)next);
        }

        return line.ToString().TrimEnd('\r');
    }

    private void Serve(NetworkStream stream)
    {
        var head = new byte[16];
        while (true)
        {
            stream.ReadExactly(head);
            var reader = new BusReader(head, 4);
            var (length, serial, fields) = (reader.UInt32(), reader.UInt32(), reader.UInt32());
            var rest = new byte[((fields + 7) / 8 * 8) + length];
            stream.ReadExactly(rest);
            var (member, signature) = Fields([.. head, .. rest], (int)fields);
            var body = new BusReader(rest[(int)((fields + 7) / 8 * 8)..]);
            var call = new BusCall(member, body.Values(signature), serial);
            Calls.Add(call);
            foreach (var message in _answer(call))
            {
                stream.Write(message);
            }
        }
    }

    private static (string Member, string Signature) Fields(byte[] message, int length)
    {
        var reader = new BusReader(message, 16);
        var (member, signature) = ("", "");
        while (reader.Position < 16 + length)
        {
            reader.Align(8);
            var number = reader.Byte();
            var type = reader.Signature();
            var text = type switch { "g" => reader.Signature(), "u" => $"{reader.UInt32()}", _ => reader.Text() };
            (member, signature) = number switch { 3 => (text, signature), 8 => (member, text), _ => (member, signature) };
        }

        return (member, signature);
    }
}
