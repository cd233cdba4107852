using System.Diagnostics;
using System.Runtime.InteropServices;
using Crisp.Linux.Interop;
using Microsoft.Win32.SafeHandles;

namespace Crisp.Linux;

/// <summary>A connection to a message bus, or straight to a service, by libsystemd (sd-bus(3)). For one thread.</summary>
/// <remarks>Every method throws <see cref="BusException"/>.</remarks>
public sealed class BusConnection : SafeHandleZeroOrMinusOneIsInvalid
{
    private BusConnection(nint bus, bool isMessageBus)
        : base(ownsHandle: true)
    {
        SetHandle(bus);
        IsMessageBus = isMessageBus;
    }

    /// <summary>The library that all this needs, as the loader knows it.</summary>
    public static string Library => LibSystemd.Name;

    /// <summary>Whether the library is there.</summary>
    public static bool IsAvailable => NativeLibrary.TryLoad(LibSystemd.Name, out _);

    /// <summary>Whether a message bus is between the two sides, so that signals come only to those who ask for them.</summary>
    public bool IsMessageBus { get; }

    /// <summary>The system's message bus.</summary>
    public static BusConnection OpenSystem()
    {
        RequireLibrary();
        nint bus = 0;
        // SAFETY: sd_bus_open_system writes one pointer.
        unsafe
        {
            CheckResult(LibSystemd.sd_bus_open_system(&bus), "The system's message bus cannot be reached");
        }

        return new BusConnection(bus, isMessageBus: true);
    }

    /// <summary>A service that listens by itself.</summary>
    /// <param name="address">For example <c>unix:path=/run/systemd/private</c>.</param>
    public static BusConnection Open(string address)
    {
        RequireLibrary();
        nint bus = 0;
        // SAFETY: sd_bus_new writes one pointer.
        unsafe
        {
            CheckResult(LibSystemd.sd_bus_new(&bus), "A connection over D-Bus cannot be made");
        }

        var connection = new BusConnection(bus, isMessageBus: false);
        try
        {
            CheckResult(LibSystemd.sd_bus_set_address(bus, address), $"The D-Bus address {address} is not valid");
            CheckResult(LibSystemd.sd_bus_start(bus), $"{address} cannot be reached over D-Bus");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>A call without arguments yet.</summary>
    public BusMessage NewCall(string destination, string path, string interfaceName, string member)
    {
        nint message = 0;
        // SAFETY: sd_bus_message_new_method_call writes one pointer.
        unsafe
        {
            CheckResult(
                LibSystemd.sd_bus_message_new_method_call(this, &message, destination, path, interfaceName, member),
                $"The call {member} of {destination} cannot be made");
        }

        return new BusMessage(message, $"{member} of {destination}");
    }

    /// <summary>Sends a call and waits for its answer.</summary>
    public BusMessage Call(BusMessage call, TimeSpan timeout)
    {
        nint reply = 0;
        // SAFETY: sd_bus_error is name, message and an int of the library's own (sd_bus_error(3)); zeroes are SD_BUS_ERROR_NULL.
        // Its strings are read before they are freed.
        unsafe
        {
            var error = stackalloc nint[] { 0, 0, 0 };
            var result = LibSystemd.sd_bus_call(this, call, Microseconds(timeout), error, &reply);
            var (name, reason) = (Marshal.PtrToStringUTF8(error[0]), Marshal.PtrToStringUTF8(error[1]));
            LibSystemd.sd_bus_error_free(error);
            if (result < 0)
            {
                // The library gives its own errors such names too: what never reached the other side has an errno as well.
                throw name is null ? new BusException(call.Name, (Errno)(-result)) : new BusException(call.Name, name, reason ?? "it gives no reason");
            }
        }

        return new BusMessage(reply, $"the answer to {call.Name}");
    }

    /// <summary>Waits for the next signal of a kind; other messages are passed over.</summary>
    /// <returns>Null when the time is over.</returns>
    public BusMessage? WaitForSignal(string interfaceName, string member, TimeSpan timeout)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            if (Process(out var message))
            {
                if (message is not null && LibSystemd.sd_bus_message_is_signal(message, interfaceName, member) > 0)
                {
                    return message;
                }

                message?.Dispose();
                continue;
            }

            var left = timeout - clock.Elapsed;
            if (left <= TimeSpan.Zero)
            {
                return null;
            }

            CheckResult(LibSystemd.sd_bus_wait(this, Microseconds(left)), $"Waiting for {member} over D-Bus failed");
        }
    }

    protected override bool ReleaseHandle()
    {
        LibSystemd.sd_bus_flush_close_unref(handle);
        return true;
    }

    internal static void CheckResult(int result, string action)
    {
        if (result < 0)
        {
            throw new BusException(action, (Errno)(-result));
        }
    }

    private static void RequireLibrary()
    {
        if (!IsAvailable)
        {
            throw new BusException($"The library {LibSystemd.Name} cannot be loaded", Errno.ENOENT);
        }
    }

    private static ulong Microseconds(TimeSpan time) => (ulong)Math.Max(time.TotalMicroseconds, 1);

    /// <returns>False when there is nothing to do but to wait.</returns>
    private bool Process(out BusMessage? message)
    {
        nint received = 0;
        int result;
        // SAFETY: sd_bus_process writes one pointer, of a message that is the caller's, or null.
        unsafe
        {
            result = LibSystemd.sd_bus_process(this, &received);
        }

        message = received == 0 ? null : new BusMessage(received, "a signal");
        CheckResult(result, "The connection over D-Bus broke");
        return result > 0;
    }
}
