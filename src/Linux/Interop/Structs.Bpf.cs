using System.Runtime.InteropServices;

namespace Crisp.Linux.Interop;

// linux/bpf.h: the members of union bpf_attr for BPF_PROG_LOAD, as far as they are used
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct bpf_attr_prog_load
{
    internal uint prog_type;
    internal uint insn_cnt;
    internal ulong insns;
    internal ulong license;
    internal uint log_level;
    internal uint log_size;
    internal ulong log_buf;
    internal uint kern_version;
    internal uint prog_flags;
}

// linux/bpf.h: the members for BPF_PROG_ATTACH and BPF_PROG_DETACH
[StructLayout(LayoutKind.Sequential)]
internal struct bpf_attr_prog_attach
{
    internal uint target_fd;
    internal uint attach_bpf_fd;
    internal uint attach_type;
    internal uint attach_flags;
    internal uint replace_bpf_fd;
}

// linux/bpf.h: the members for BPF_PROG_QUERY
[StructLayout(LayoutKind.Sequential)]
internal struct bpf_attr_prog_query
{
    internal uint target_fd;
    internal uint attach_type;
    internal uint query_flags;
    internal uint attach_flags;
    internal ulong prog_ids;
    internal uint prog_cnt;
    internal uint __pad0;
}

// linux/bpf.h: the members for BPF_PROG_GET_FD_BY_ID
[StructLayout(LayoutKind.Sequential)]
internal struct bpf_attr_get_fd_by_id
{
    internal uint prog_id;
    internal uint next_id;
    internal uint open_flags;
}
