using Crisp.Kvm.Memory;
using Crisp.Linux;

namespace Crisp.Kvm.Boot;

/// <summary>An image cannot be loaded; the message says why.</summary>
public sealed class ImageLoadException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A guest without any format: bytes that are loaded somewhere and entered at their beginning.</summary>
internal static class FlatImage
{
    /// <summary>Copies the file into the guest's memory.</summary>
    /// <param name="address">Where it goes.</param>
    /// <param name="mode">What it starts in: tables and stacks must not lie where the image does.</param>
    /// <exception cref="ImageLoadException">It is empty, or does not fit.</exception>
    internal static void Load(GuestMemory memory, FileDescriptor file, string name, ulong address, EntryMode mode)
    {
        var length = Files.Status(file).Size;
        if (length == 0)
        {
            throw new ImageLoadException($"The image {name} is empty.");
        }

        Verify(name, address, mode);
        if (length > int.MaxValue || !memory.TrySlice(address, (int)length, out var bytes))
        {
            throw new ImageLoadException(
                $"The image {name} has {length} bytes and does not fit at 0x{address:x} into a memory of {memory.Length} bytes. Give the machine more (--memory).");
        }

        Read(file, bytes, name);
    }

    /// <summary>Reads a file's beginning.</summary>
    /// <exception cref="ImageLoadException">It is shorter.</exception>
    internal static void Read(FileDescriptor file, Span<byte> bytes, string name)
    {
        for (int count; bytes.Length > 0; bytes = bytes[count..])
        {
            count = Files.Read(file, bytes);
            if (count == 0)
            {
                throw new ImageLoadException($"The image {name} became shorter while it was read.");
            }
        }
    }

    private static void Verify(string name, ulong address, EntryMode mode)
    {
        if (mode == EntryMode.Real && address > EntryState.LastRealModeEntry)
        {
            throw new ImageLoadException(
                $"The image {name} cannot start at 0x{address:x} in real mode, which reaches 0x{EntryState.LastRealModeEntry:x}. Load it lower (--load-at).");
        }

        if (mode != EntryMode.Real && address < AddressMap.StackTop)
        {
            throw new ImageLoadException(
                $"The image {name} cannot be loaded at 0x{address:x}: below 0x{AddressMap.StackTop:x} are the descriptor table, page tables and stacks of this mode.");
        }
    }
}
