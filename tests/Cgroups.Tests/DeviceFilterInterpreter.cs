using Crisp.Linux;

namespace Crisp.Cgroups.Tests;

/// <summary>Runs a device filter as the kernel would; knows the instructions that the compiler uses, and no loop.</summary>
internal static class DeviceFilterInterpreter
{
    internal static bool Allows(BpfInstruction[] program, char type, uint major, uint minor, DeviceAccess access)
    {
        Span<uint> context = [((uint)access << 16) | (type == 'b' ? 1u : 2u), major, minor];
        var registers = new ulong?[11];
        for (var at = 0; ; at++)
        {
            var i = program[at];
            var to = i.Registers & 15;
            var from = i.Registers >> 4;
            switch (i.Code)
            {
                case 0x61 when from == 1:
                    registers[to] = context[i.Offset / 4];
                    break;
                case 0x54:
                    registers[to] = (uint)Read(to) & (uint)i.Immediate;
                    break;
                case 0x74:
                    registers[to] = (uint)Read(to) >> i.Immediate;
                    break;
                case 0xBC:
                    registers[to] = (uint)Read(from);
                    break;
                case 0xB7:
                    registers[to] = (ulong)i.Immediate;
                    break;
                case 0x56:
                    at += (uint)Read(to) != (uint)i.Immediate ? Forward(i.Offset) : 0;
                    break;
                case 0x16:
                    at += (uint)Read(to) == (uint)i.Immediate ? Forward(i.Offset) : 0;
                    break;
                case 0x95:
                    return Read(0) == 1;
                default:
                    throw new InvalidOperationException($"Instruction {at} has the unknown code {i.Code:x}.");
            }
        }

        ulong Read(int register) => registers[register] ?? throw new InvalidOperationException($"Register {register} was never written.");

        static int Forward(short offset) => offset >= 0 ? offset : throw new InvalidOperationException("A jump goes back.");
    }
}
