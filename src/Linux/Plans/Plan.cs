using System.Runtime.InteropServices;
using Crisp.Linux.Interop;
using Microsoft.Win32.SafeHandles;

namespace Crisp.Linux.Plans;

/// <summary>
/// An immutable list of system calls, compiled into one block of native memory that a child finds at the same address. It can
/// be launched any number of times, from several threads at once: a child writes results into its own copy of the block.
/// </summary>
public sealed class Plan : IDisposable
{
    private readonly PlanStep[] _steps;
    private readonly (string Name, FileDescriptor? File)[] _descriptors;
    private readonly Block _block;

    internal Plan(PlanStep[] steps, (string Name, FileDescriptor? File)[] descriptors, PlanData data)
    {
        _steps = steps;
        _descriptors = descriptors;
        _block = Compile(data);
    }

    /// <summary>How many steps there are.</summary>
    public int Count => _steps.Length;

    /// <summary>Bytes of native memory.</summary>
    public int Size => _block.Size;

    internal ReadOnlySpan<PlanStep> Steps => _steps;

    internal ReadOnlySpan<(string Name, FileDescriptor? File)> Descriptors => _descriptors;

    /// <summary>One numbered line for each step (<see cref="PlanPrinter"/>).</summary>
    public override string ToString() => PlanPrinter.Print(this);

    /// <summary>Frees the native memory, once no launch uses it.</summary>
    public void Dispose() => _block.Dispose();

    /// <summary>Calls the interpreter. Status and go are the child's ends of the pipes.</summary>
    /// <returns>The child's pid, or a negative error number.</returns>
    internal int Launch(ref clone_args arguments, FileDescriptor status, FileDescriptor go)
    {
        var held = new List<FileDescriptor>(_descriptors.Length + 2);
        var holdsBlock = false;
        try
        {
            _block.DangerousAddRef(ref holdsBlock);
            foreach (var (name, file) in _descriptors)
            {
                Hold(file ?? throw new InvalidOperationException($"The plan cannot be launched: its descriptor {name} was never given."), held);
            }

            Hold(status, held);
            Hold(go, held);
            // AT_FDCWD is a descriptor for the steps, but none that could be closed.
            int[] keep = [.. held.Select(f => f.Number).Where(n => n >= 0).Order()];
            return Launch(ref arguments, keep, status.Number, go.Number);
        }
        finally
        {
            held.ForEach(file => file.DangerousRelease());
            if (holdsBlock)
            {
                _block.DangerousRelease();
            }
        }
    }

    private static void Hold(FileDescriptor file, List<FileDescriptor> held)
    {
        var added = false;
        file.DangerousAddRef(ref added);
        held.Add(file);
    }

    private int Launch(ref clone_args arguments, ReadOnlySpan<int> keep, int status, int go)
    {
        // SAFETY: the block is referenced and the spans are pinned until the parent returns; the child works on its own
        // copy of this stack and of the block, and never returns.
        unsafe
        {
            fixed (int* kept = keep)
            fixed (clone_args* clone = &arguments)
            {
                var start = _block.DangerousGetHandle();
                var launch = new launch
                {
                    steps = (step*)start,
                    results = (long*)(start + (_steps.Length * sizeof(step))),
                    keep = kept,
                    step_count = (uint)_steps.Length,
                    keep_count = (uint)keep.Length,
                    status = status,
                    go = go,
                    rseq_offset = RseqArea.Offset,
                    rseq_length = RseqArea.Length,
                };
                return (int)Native.crisp_plan_launch(&launch, clone);
            }
        }
    }

    private Block Compile(PlanData data)
    {
        // SAFETY: the block has room for the steps, a result each, and the data, in this order, all 8-byte aligned; every
        // pointer written is the address of a byte inside the data.
        unsafe
        {
            var dataOffset = _steps.Length * (sizeof(step) + sizeof(long));
            var block = new Block(dataOffset + data.Bytes.Length);
            var start = (byte*)block.DangerousGetHandle();

            data.Bytes.CopyTo(new Span<byte>(start + dataOffset, data.Bytes.Length));
            foreach (var (at, target) in data.Pointers)
            {
                *(long*)(start + dataOffset + at) = (long)(start + dataOffset + target);
            }

            foreach (var (at, descriptor) in data.Descriptors)
            {
                *(long*)(start + dataOffset + at) = _descriptors[descriptor].File?.Number ?? -1;
            }

            for (var i = 0; i < _steps.Length; i++)
            {
                Compile(_steps[i], ref ((step*)start)[i], (long)(start + dataOffset));
            }

            return block;
        }
    }

    private void Compile(PlanStep source, ref step step, long dataAddress)
    {
        step.op = (ushort)source.Operation;
        step.number = (ushort)source.Call;
        step.unless = source.Unless is { } other ? (ulong)other + 1 : 0;
        // SAFETY: the builder takes at most five accepted errors, and no call has more than six arguments.
        unsafe
        {
            for (var i = 0; i < source.Accepted.Count; i++)
            {
                step.accepted[i] = (ushort)source.Accepted[i];
            }

            for (var i = 0; i < source.Arguments.Length; i++)
            {
                var argument = source.Arguments[i];
                step.args[i] = argument.Kind switch
                {
                    ArgumentKind.Descriptor => _descriptors[argument.Value].File?.Number ?? -1,
                    ArgumentKind.Data => dataAddress + argument.Value,
                    _ => argument.Value,
                };
                step.from |= (ushort)(argument.Kind == ArgumentKind.Result ? 1 << i : 0);
            }
        }
    }

    /// <summary>Zeroed native memory that is freed when nobody uses it any more.</summary>
    private sealed class Block : SafeHandleZeroOrMinusOneIsInvalid
    {
        internal Block(int size)
            : base(ownsHandle: true)
        {
            Size = size;
            // SAFETY: freed once, by ReleaseHandle.
            unsafe
            {
                SetHandle((nint)NativeMemory.AllocZeroed((nuint)size));
            }
        }

        internal int Size { get; }

        protected override bool ReleaseHandle()
        {
            // SAFETY: no launch holds a reference any more.
            unsafe
            {
                NativeMemory.Free((void*)handle);
            }

            return true;
        }
    }
}
