using System.Text;
using System.Text.Json;
using Crisp.Kvm;
using Crisp.Kvm.Api;
using Crisp.Kvm.Boot;
using Crisp.Linux;

namespace Crisp.Sandbox.Vm;

/// <summary>crisp-sandbox as a virtual machine: its processors are threads, its serial port is standard input and output.</summary>
/// <remarks>
/// Started with every signal of <see cref="Signals"/> blocked in all threads. SIGTERM and SIGINT end it, SIGUSR1 writes a report to
/// standard error, SIGUSR2 pauses and resumes it.
/// </remarks>
public static class VmProgram
{
    /// <summary>Followed by a <see cref="FlatVmSpec"/> as JSON.</summary>
    public const string Option = "--vm";

    /// <summary>Followed by a <see cref="LinuxVmSpec"/> as JSON.</summary>
    public const string LinuxOption = "--vm-linux";

    private const int Failed = 1;
    private const int BrokenPipe = 141;
    private const int SignalBase = 128;
    private static readonly FileDescriptor s_input = new(0, ownsHandle: false);
    private static readonly FileDescriptor s_output = new(1, ownsHandle: false);
    private static readonly FileDescriptor s_error = new(2, ownsHandle: false);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>What must be blocked before the program starts.</summary>
    public static IReadOnlyList<int> Signals { get; } = [Linux.Signals.Interrupt, Linux.Signals.Terminate, Linux.Signals.User1, Linux.Signals.User2];

    /// <returns>The exit code: 0 when the guest halted, switched off or reset the machine.</returns>
    internal static int Run(string option, string json)
    {
        using var signals = new SignalFd([.. Signals]);
        try
        {
            if (option == LinuxOption)
            {
                var linux = LinuxVmSpec.Parse(json);
                return new Session(linux.Stats, signals).Run((system, send) => VmGuests.Create(system, linux, send), linux.Shares.Count > 0, Path.GetDirectoryName(linux.Vsock));
            }

            var flat = FlatVmSpec.Parse(json);
            return new Session(flat.Stats, signals).Run((system, send) => VmGuests.Create(system, flat, send), hasFiles: false, directory: null);
        }
        catch (Exception e) when (e is KvmUnsupportedException or ImageLoadException or LinuxException or JsonException)
        {
            Say(e.Message);
            return Failed;
        }
    }

    private static void Say(string sentence) => Write($"crisp: {sentence}\n");

    private static void Write(string text)
    {
        // Nobody reads it: then there is nobody to tell.
        Files.TryWrite(s_error, Encoding.UTF8.GetBytes(text), out _);
    }

    private sealed class Session(bool hasStats, SignalFd signals)
    {
        private VirtualMachine? _machine;
        private volatile int _exitCode;

        /// <param name="directory">What stays visible, for the sockets that the guest connects to.</param>
        internal int Run(Func<KvmSystem, SerialSink, BootedGuest> create, bool hasFiles, string? directory)
        {
            var guest = Create(create);
            _machine = guest.Machine;
            VmConfinement.Enter(guest, hasFiles, directory);
            _machine.Start();
            new Thread(() => ForwardInput(guest), 256 * 1024) { IsBackground = true, Name = "input" }.Start();
            var end = WaitForEnd(_machine);
            if (hasStats)
            {
                Write(_machine.Report().ToJson() + "\n");
            }
            else if (end.Outcome is VmOutcome.TripleFault or VmOutcome.Failed)
            {
                Say(end.Sentence);
            }

            // The end of the process is the end of its threads: one that waits for a full pipe is not waited for.
            return end.Outcome is VmOutcome.TripleFault or VmOutcome.Failed ? Failed : _exitCode;
        }

        /// <summary>What makes machines is closed behind the one that was made.</summary>
        private BootedGuest Create(Func<KvmSystem, SerialSink, BootedGuest> create)
        {
            using var system = KvmSystem.Open();
            return create(system, Send);
        }

        private VmEnd WaitForEnd(VirtualMachine machine)
        {
            using var ended = new EventFd();
            using var epoll = new Epoll();
            epoll.Add(signals.Descriptor, EpollEvents.In, 0);
            epoll.Add(ended.Descriptor, EpollEvents.In, 1);
            var waiter = new Thread(
                () =>
                {
                    machine.WaitForEnd(Timeout.InfiniteTimeSpan);
                    ended.Signal();
                },
                128 * 1024);
            waiter.Start();
            Span<EpollReport> reports = stackalloc EpollReport[2];
            while (machine.Outcome is null)
            {
                epoll.Wait(reports, -1);
                for (int signal; (signal = signals.Take()) != 0;)
                {
                    OnSignal(machine, signal);
                }
            }

            waiter.Join();
            return machine.Outcome;
        }

        private void OnSignal(VirtualMachine machine, int signal)
        {
            switch (signal)
            {
                case Linux.Signals.User1:
                    Write(hasStats ? machine.Report().ToJson() + "\n" : machine.Report().ToText());
                    break;
                case Linux.Signals.User2:
                    if (!machine.Pause())
                    {
                        machine.Resume();
                    }

                    break;
                default:
                    _exitCode = SignalBase + signal;
                    machine.Stop($"Signal {signal} ended the machine.");
                    break;
            }
        }

        private void Send(ReadOnlySpan<byte> bytes)
        {
            try
            {
                Files.WriteAll(s_output, bytes);
            }
            catch (LinuxException e) when (e.Errno == Errno.EPIPE)
            {
                _exitCode = BrokenPipe;
                _machine?.Stop("Nobody reads the guest's serial port any more.");
            }
        }

        private static void ForwardInput(BootedGuest guest)
        {
            var buffer = new byte[256];
            while (true)
            {
                var count = Files.TryRead(s_input, buffer, out var errno);
                if (errno == Errno.EAGAIN)
                {
                    Poll.WaitReadable(s_input, s_patience);
                }
                else if (count <= 0 || !guest.Receive(buffer.AsSpan(0, count)))
                {
                    // The end of the input, or none at all: the guest hears nothing more.
                    return;
                }
            }
        }
    }
}
