using System.Buffers.Binary;
using Crisp.Linux;

namespace Crisp.Sandbox.Tests.Launch;

/// <summary>What programs in containers write, taken apart.</summary>
internal static class Probe
{
    /// <summary>The lines of /proc/PID/status among others; values with single spaces.</summary>
    internal static Dictionary<string, string> Status(string text) => text.Split('\n')
        .Select(line => line.Split(":\t", 2))
        .Where(parts => parts.Length == 2)
        .ToDictionary(parts => parts[0], parts => string.Join(' ', parts[1].Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries)));

    /// <summary>/proc/PID/mountinfo: filesystem type and options of the mount by its path; the last one on a path counts.</summary>
    internal static Dictionary<string, string> Mounts(string text)
    {
        var mounts = new Dictionary<string, string>();
        foreach (var fields in text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')))
        {
            var dash = Array.IndexOf(fields, "-");
            mounts[fields[4]] = $"{fields[dash + 1]} {fields[5]}";
        }

        return mounts;
    }

    /// <summary>A seccomp program that answers some calls with EPERM.</summary>
    internal static byte[] Refuse(params SystemCall[] calls)
    {
        const uint Allow = 0x7FFF0000;
        const uint ErrnoEperm = 0x00050001;
        var program = new List<byte>();
        Add(0x20, 0, 0, 0); // A = seccomp_data.nr
        for (var i = 0; i < calls.Length; i++)
        {
            Add(0x15, (byte)(calls.Length - i), 0, (uint)calls[i]);
        }

        Add(0x06, 0, 0, Allow);
        Add(0x06, 0, 0, ErrnoEperm);
        return [.. program];

        void Add(ushort code, byte whenTrue, byte whenFalse, uint value)
        {
            Span<byte> instruction = stackalloc byte[8];
            BinaryPrimitives.WriteUInt16LittleEndian(instruction, code);
            instruction[2] = whenTrue;
            instruction[3] = whenFalse;
            BinaryPrimitives.WriteUInt32LittleEndian(instruction[4..], value);
            program.AddRange(instruction);
        }
    }
}
