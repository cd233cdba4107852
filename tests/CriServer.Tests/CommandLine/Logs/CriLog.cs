using System.Text;
using CsCheck;

namespace Crisp.CriServer.Tests.CommandLine.Logs;

/// <summary>Logs as a runtime writes them, to be read back.</summary>
internal static class CriLog
{
    public const string Time = "2026-01-02T03:04:05.678901234Z";

    private static readonly Gen<byte[]> _bytes = Gen.OneOf(Gen.Byte, Gen.Byte[32, 34]).Where(b => b != '\n').Array[0, 20];

    /// <summary>What a container writes at once: to which stream, which bytes without a newline, and whether a newline ends them.</summary>
    public static Gen<(bool IsError, byte[] Content, bool IsPartial)[]> Writes { get; } = Gen.Select(Gen.Bool, _bytes, Gen.Bool).Array[0, 30];

    public static byte[] Record(bool isError, byte[] content, bool isPartial) =>
        [.. Encoding.ASCII.GetBytes($"{Time} {(isError ? "stderr" : "stdout")} {(isPartial ? "P" : "F")} "), .. content, (byte)'\n'];

    public static byte[] Of(IEnumerable<(bool IsError, byte[] Content, bool IsPartial)> writes) =>
        [.. writes.SelectMany(w => Record(w.IsError, w.Content, w.IsPartial))];

    public static byte[] Lines(params IEnumerable<string> lines) => Of(lines.Select(l => (false, Encoding.UTF8.GetBytes(l), false)));

    /// <summary>What the container wrote to one of its streams.</summary>
    public static byte[] Stream(IEnumerable<(bool IsError, byte[] Content, bool IsPartial)> writes, bool isError) =>
        [.. writes.Where(w => w.IsError == isError).SelectMany(w => w.IsPartial ? w.Content : [.. w.Content, (byte)'\n'])];
}
