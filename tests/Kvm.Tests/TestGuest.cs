using System.Text;
using Crisp.Kvm.Api;
using Crisp.Kvm.Boot;
using Crisp.Linux;
using Xunit;

namespace Crisp.Kvm.Tests;

/// <summary>A flat guest made of a test's bytes, and what it sends.</summary>
internal sealed class TestGuest : IDisposable
{
    /// <summary>Much more than any guest here needs, on a machine that emulates its processor and does other things too.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly MemoryStream _sent = new();
    private readonly KvmSystem _system = KvmNode.Open();

    internal TestGuest(ReadOnlySpan<byte> code, EntryMode entry = EntryMode.Long, int vcpus = 1, ulong? loadAt = null, long memory = 4 << 20)
    {
        using var image = Image(code);
        Guest = FlatGuest.Create(_system, new FlatGuestOptions(vcpus, memory, entry, loadAt), image, "test", Send);
    }

    internal BootedGuest Guest { get; }

    internal VirtualMachine Machine => Guest.Machine;

    internal string Sent
    {
        get
        {
            lock (_sent)
            {
                return Encoding.Latin1.GetString(_sent.ToArray());
            }
        }
    }

    internal static FileDescriptor Image(ReadOnlySpan<byte> code)
    {
        var image = Memfd.Create("crisp-test-image");
        Files.WriteAll(image, code);
        Files.Seek(image, 0);
        return image;
    }

    /// <summary>Runs it to its end.</summary>
    internal VmEnd Run()
    {
        Machine.Start();
        var end = Machine.WaitForEnd(Patience);
        Assert.True(end is not null, $"The guest did not end: {Machine.Report().ToText()}");
        return end;
    }

    /// <summary>Waits until it has sent this.</summary>
    internal void WaitFor(string text)
        => Assert.True(SpinWait.SpinUntil(() => Sent.Contains(text, StringComparison.Ordinal) || Machine.Outcome is not null, Patience)
            && Sent.Contains(text, StringComparison.Ordinal), $"It sent \"{Sent}\". {Machine.Report().ToText()}");

    public void Dispose()
    {
        Guest.Dispose();
        _system.Dispose();
        _sent.Dispose();
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        lock (_sent)
        {
            _sent.Write(bytes);
        }
    }
}
