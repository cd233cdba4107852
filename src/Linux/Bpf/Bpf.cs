using System.Text;
using Crisp.Linux.Interop;

namespace Crisp.Linux;

/// <summary>The device filter of a cgroup v2: a program of type BPF_PROG_TYPE_CGROUP_DEVICE (bpf(2)).</summary>
/// <remarks>Several may be attached; an access is allowed when each of them, here and in the parents, answers 1.</remarks>
public static class Bpf
{
    private const uint CgroupDevice = 6;
    private const uint AllowMulti = 2;
    private const uint Replace = 4;

    private enum Command
    {
        ProgLoad = 5,
        ProgAttach = 8,
        ProgDetach = 9,
        ProgGetFdById = 13,
        ProgQuery = 16,
    }

    /// <summary>BPF_PROG_LOAD.</summary>
    /// <exception cref="LinuxException">The verifier's last words are in the message.</exception>
    public static FileDescriptor LoadDeviceFilter(ReadOnlySpan<BpfInstruction> program)
    {
        var number = Load(program, default);
        if (number == -1)
        {
            // The verifier writes a log only when asked, and fails for want of room: so ask only now.
            var errno = Check.LastError;
            var log = new byte[64 * 1024];
            Load(program, log);
            throw new LinuxException("bpf", errno, $"BPF_PROG_LOAD ({Tail(log)})");
        }

        return new FileDescriptor((int)number);
    }

    /// <summary>BPF_PROG_ATTACH with BPF_F_ALLOW_MULTI.</summary>
    /// <param name="cgroup">The directory.</param>
    /// <param name="replaced">An attached program whose place the new one takes in one step (BPF_F_REPLACE).</param>
    public static void AttachDeviceFilter(FileDescriptor cgroup, FileDescriptor program, FileDescriptor? replaced = null)
    {
        var attr = new bpf_attr_prog_attach
        {
            target_fd = (uint)cgroup.Number,
            attach_bpf_fd = (uint)program.Number,
            attach_type = CgroupDevice,
            attach_flags = AllowMulti | (replaced is null ? 0 : Replace),
            replace_bpf_fd = replaced is null ? 0 : (uint)replaced.Number,
        };
        Check.Result(Call(Command.ProgAttach, ref attr), "bpf", "BPF_PROG_ATTACH");
        GC.KeepAlive(cgroup);
        GC.KeepAlive(program);
        GC.KeepAlive(replaced);
    }

    /// <summary>BPF_PROG_DETACH.</summary>
    public static void DetachDeviceFilter(FileDescriptor cgroup, FileDescriptor program)
    {
        var attr = new bpf_attr_prog_attach
        {
            target_fd = (uint)cgroup.Number,
            attach_bpf_fd = (uint)program.Number,
            attach_type = CgroupDevice,
        };
        Check.Result(Call(Command.ProgDetach, ref attr), "bpf", "BPF_PROG_DETACH");
        GC.KeepAlive(cgroup);
        GC.KeepAlive(program);
    }

    /// <summary>BPF_PROG_QUERY and BPF_PROG_GET_FD_BY_ID: the programs attached to this cgroup itself, in their order.</summary>
    /// <returns>The caller's to dispose.</returns>
    public static IReadOnlyList<FileDescriptor> GetDeviceFilters(FileDescriptor cgroup)
    {
        // BPF_CGROUP_MAX_PROGS of the kernel.
        Span<uint> ids = stackalloc uint[64];
        var query = new bpf_attr_prog_query { target_fd = (uint)cgroup.Number, attach_type = CgroupDevice, prog_cnt = (uint)ids.Length };
        // SAFETY: the kernel fills at most prog_cnt numbers of the span, which lives on this stack.
        unsafe
        {
            fixed (uint* place = ids)
            {
                query.prog_ids = (ulong)place;
                Check.Result(Call(Command.ProgQuery, ref query), "bpf", "BPF_PROG_QUERY");
            }
        }

        GC.KeepAlive(cgroup);
        var programs = new List<FileDescriptor>();
        foreach (var id in ids[..(int)query.prog_cnt])
        {
            var attr = new bpf_attr_get_fd_by_id { prog_id = id };
            var number = Call(Command.ProgGetFdById, ref attr);
            if (number != -1)
            {
                programs.Add(new FileDescriptor((int)number));
            }
            else if (Check.LastError != Errno.ENOENT)
            {
                // ENOENT: it was detached in between, and with that it is gone.
                var errno = Check.LastError;
                programs.ForEach(p => p.Dispose());
                throw new LinuxException("bpf", errno, $"BPF_PROG_GET_FD_BY_ID {id}");
            }
        }

        return programs;
    }

    private static nint Load(ReadOnlySpan<BpfInstruction> program, Span<byte> log)
    {
        const uint ProgTypeCgroupDevice = 15;
        // SAFETY: the spans are pinned for the call, which reads insn_cnt instructions and the NUL-terminated licence, and
        // writes at most log_size bytes. A u8 literal has a NUL behind it.
        unsafe
        {
            fixed (BpfInstruction* instructions = program)
            fixed (byte* license = "Apache-2.0"u8, place = log)
            {
                var attr = new bpf_attr_prog_load
                {
                    prog_type = ProgTypeCgroupDevice,
                    insn_cnt = (uint)program.Length,
                    insns = (ulong)instructions,
                    license = (ulong)license,
                    log_level = log.IsEmpty ? 0 : 1u,
                    log_size = (uint)log.Length,
                    log_buf = (ulong)place,
                };
                return Call(Command.ProgLoad, ref attr);
            }
        }
    }

    // int bpf(int cmd, union bpf_attr *attr, unsigned int size);
    private static nint Call<T>(Command command, ref T attr)
        where T : unmanaged
    {
        // SAFETY: the structure is pinned for the call, and its size is the one given; the kernel takes what is missing as zero.
        unsafe
        {
            fixed (T* pointer = &attr)
            {
                return Libc.syscall((nint)SystemCall.bpf, (nint)command, (nint)pointer, sizeof(T));
            }
        }
    }

    private static string Tail(ReadOnlySpan<byte> log)
    {
        var length = log.IndexOf((byte)0);
        var lines = Encoding.UTF8.GetString(length < 0 ? log : log[..length]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join("; ", lines.Where(l => !l.StartsWith("processed ", StringComparison.Ordinal)).TakeLast(2));
    }
}
