using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Crisp.Linux.Interop;

/// <summary>Passes a path as NUL-terminated bytes, as <see cref="LinuxPath"/> has them; null becomes a null pointer.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedIn, typeof(In))]
internal static unsafe class PathMarshaller
{
    internal ref struct In
    {
        private byte* _unmanaged;
        private bool _allocated;

        public static int BufferSize => 256;

        public void FromManaged(string? managed, Span<byte> callerAllocatedBuffer)
        {
            if (managed is null)
            {
                return;
            }

            var size = LinuxPath.MaxBytes(managed) + 1;
            // SAFETY: the caller's buffer is on its stack and lives until Free; a larger path gets memory that Free returns.
            if (size > callerAllocatedBuffer.Length)
            {
                _unmanaged = (byte*)NativeMemory.Alloc((nuint)size);
                _allocated = true;
            }
            else
            {
                _unmanaged = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(callerAllocatedBuffer));
            }

            var bytes = new Span<byte>(_unmanaged, size);
            bytes[LinuxPath.Encode(managed, bytes)] = 0;
        }

        public readonly byte* ToUnmanaged() => _unmanaged;

        public readonly void Free()
        {
            if (_allocated)
            {
                // SAFETY: allocated by FromManaged with the same allocator, and freed once.
                NativeMemory.Free(_unmanaged);
            }
        }
    }
}
