using System.Runtime.InteropServices;
using Crisp.Linux.Interop;
using Microsoft.Win32.SafeHandles;

namespace Crisp.Linux;

/// <summary>A message of D-Bus, written or read from its beginning to its end in the types of its signature.</summary>
/// <remarks>Every method throws <see cref="BusException"/>.</remarks>
public sealed class BusMessage : SafeHandleZeroOrMinusOneIsInvalid
{
    internal BusMessage(nint message, string name)
        : base(ownsHandle: true)
    {
        SetHandle(message);
        Name = name;
    }

    /// <summary>For errors.</summary>
    internal string Name { get; }

    /// <summary>A string, or what is one in another type: an object path.</summary>
    public BusMessage Append(string value, char type = 's')
    {
        var text = Marshal.StringToCoTaskMemUTF8(value);
        try
        {
            // SAFETY: a string of C, which the library copies.
            unsafe
            {
                return Written(LibSystemd.sd_bus_message_append_basic(this, (byte)type, (void*)text));
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }
    }

    public BusMessage Append(bool value)
    {
        var number = value ? 1 : 0;
        // SAFETY: the type 'b' is read as an int, which lives on this stack.
        unsafe
        {
            return Written(LibSystemd.sd_bus_message_append_basic(this, (byte)'b', &number));
        }
    }

    public BusMessage Append(int value)
    {
        // SAFETY: the type 'i' is read as an int, which lives on this stack.
        unsafe
        {
            return Written(LibSystemd.sd_bus_message_append_basic(this, (byte)'i', &value));
        }
    }

    public BusMessage Append(uint value)
    {
        // SAFETY: the type 'u' is read as a uint32_t, which lives on this stack.
        unsafe
        {
            return Written(LibSystemd.sd_bus_message_append_basic(this, (byte)'u', &value));
        }
    }

    public BusMessage Append(ulong value)
    {
        // SAFETY: the type 't' is read as a uint64_t, which lives on this stack.
        unsafe
        {
            return Written(LibSystemd.sd_bus_message_append_basic(this, (byte)'t', &value));
        }
    }

    /// <summary>Begins an array (<c>a</c>), a structure (<c>r</c>) or a variant (<c>v</c>) that is written until <see cref="End"/>.</summary>
    /// <param name="contents">The signature of what is in it.</param>
    public BusMessage Begin(char type, string contents) => Written(LibSystemd.sd_bus_message_open_container(this, (byte)type, contents));

    public BusMessage End() => Written(LibSystemd.sd_bus_message_close_container(this));

    /// <summary>Begins to read a container.</summary>
    /// <returns>False at the end of the array around it.</returns>
    public bool Enter(char type, string contents)
    {
        var result = LibSystemd.sd_bus_message_enter_container(this, (byte)type, contents);
        Read(result);
        return result > 0;
    }

    public void Exit() => Read(LibSystemd.sd_bus_message_exit_container(this));

    /// <summary>Passes over values.</summary>
    public void Skip(string types) => Read(LibSystemd.sd_bus_message_skip(this, types));

    /// <summary>A string, or what is one in another type: an object path (<c>o</c>).</summary>
    public string ReadString(char type = 's')
    {
        nint text = 0;
        // SAFETY: the library writes the address of a string that lives as long as the message.
        unsafe
        {
            Read(LibSystemd.sd_bus_message_read_basic(this, (byte)type, &text));
        }

        return Marshal.PtrToStringUTF8(text) ?? "";
    }

    protected override bool ReleaseHandle()
    {
        LibSystemd.sd_bus_message_unref(handle);
        return true;
    }

    private BusMessage Written(int result)
    {
        BusConnection.CheckResult(result, $"{Name} cannot be written");
        return this;
    }

    private void Read(int result) => BusConnection.CheckResult(result, $"{Name} cannot be read");
}
