using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

/// <summary>sd-bus(3) of libsystemd, loaded by the first call. Calls answer a negative errno when they fail.</summary>
internal static unsafe partial class LibSystemd
{
    internal const string Name = "libsystemd.so.0";

    // int sd_bus_open_system(sd_bus **ret);
    [LibraryImport(Name)]
    internal static partial int sd_bus_open_system(nint* ret);

    // int sd_bus_new(sd_bus **ret);
    [LibraryImport(Name)]
    internal static partial int sd_bus_new(nint* ret);

    // int sd_bus_set_address(sd_bus *bus, const char *address);
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_set_address(nint bus, string address);

    // int sd_bus_start(sd_bus *bus);
    [LibraryImport(Name)]
    internal static partial int sd_bus_start(nint bus);

    // sd_bus *sd_bus_flush_close_unref(sd_bus *bus);
    [LibraryImport(Name)]
    internal static partial nint sd_bus_flush_close_unref(nint bus);

    // int sd_bus_call(sd_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_error *ret_error, sd_bus_message **reply);
    [LibraryImport(Name)]
    internal static partial int sd_bus_call(BusConnection bus, BusMessage m, ulong usec, nint* ret_error, nint* reply);

    // void sd_bus_error_free(sd_bus_error *e);
    [LibraryImport(Name)]
    internal static partial void sd_bus_error_free(nint* e);

    // int sd_bus_process(sd_bus *bus, sd_bus_message **r);
    [LibraryImport(Name)]
    internal static partial int sd_bus_process(BusConnection bus, nint* r);

    // int sd_bus_wait(sd_bus *bus, uint64_t timeout_usec);
    [LibraryImport(Name)]
    internal static partial int sd_bus_wait(BusConnection bus, ulong timeout_usec);

    // int sd_bus_message_new_method_call(sd_bus *bus, sd_bus_message **m, const char *destination, const char *path,
    //     const char *interface, const char *member);
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_new_method_call(
        BusConnection bus, nint* m, string destination, string path, string @interface, string member);

    // sd_bus_message *sd_bus_message_unref(sd_bus_message *m);
    [LibraryImport(Name)]
    internal static partial nint sd_bus_message_unref(nint m);

    // int sd_bus_message_is_signal(sd_bus_message *m, const char *interface, const char *member);
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_is_signal(BusMessage m, string @interface, string member);

    // int sd_bus_message_append_basic(sd_bus_message *m, char type, const void *p);
    [LibraryImport(Name)]
    internal static partial int sd_bus_message_append_basic(BusMessage m, byte type, void* p);

    // int sd_bus_message_open_container(sd_bus_message *m, char type, const char *contents);
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_open_container(BusMessage m, byte type, string contents);

    // int sd_bus_message_close_container(sd_bus_message *m);
    [LibraryImport(Name)]
    internal static partial int sd_bus_message_close_container(BusMessage m);

    // int sd_bus_message_read_basic(sd_bus_message *m, char type, void *p);
    [LibraryImport(Name)]
    internal static partial int sd_bus_message_read_basic(BusMessage m, byte type, void* p);

    // int sd_bus_message_enter_container(sd_bus_message *m, char type, const char *contents);
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_enter_container(BusMessage m, byte type, string contents);

    // int sd_bus_message_exit_container(sd_bus_message *m);
    [LibraryImport(Name)]
    internal static partial int sd_bus_message_exit_container(BusMessage m);

    // int sd_bus_message_skip(sd_bus_message *m, const char *types);
    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int sd_bus_message_skip(BusMessage m, string types);
}
