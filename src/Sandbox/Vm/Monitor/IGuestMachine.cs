using Crisp.Linux;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Vm.Monitor;

/// <summary>The machine of a VM pod as its monitor uses it. Made, it is empty; it is started once.</summary>
internal interface IGuestMachine : IDisposable
{
    /// <summary>The last that the guest's console showed, of at most a few KiB; hostile. From any thread.</summary>
    public string Console { get; }

    /// <summary>How often its processors have left the guest, by reason; empty before the start. From any thread.</summary>
    public IReadOnlyDictionary<string, long> Exits { get; }

    /// <summary>Takes from the calling thread what only the making of a machine needs. By each other thread of the pod's, before the start.</summary>
    public void ConfineThread();

    /// <summary>Makes the machine, gives up what only that needs, and lets it run. May block.</summary>
    /// <param name="networkNamespace">The pod's, with the network that CNI has made.</param>
    /// <param name="ended">Called once, on any thread, with a sentence, when it does not run any more.</param>
    /// <returns>What the guest's network interfaces are to have, as JSON; empty without any.</returns>
    /// <exception cref="Exception">It cannot be made; the message says why.</exception>
    public byte[] Start(VmSpec spec, FileDescriptor networkNamespace, Action<string> ended);

    /// <summary>A connection to the port at which process 1 of the guest listens. One that is refused ends at once.</summary>
    /// <returns>Does not block.</returns>
    public FileDescriptor Connect();

    /// <summary>Lets the guest mount a directory or a regular file by this name.</summary>
    /// <param name="tree">Closed when the export is removed, or when this throws.</param>
    /// <param name="isShared">Whether others than the guest may change it.</param>
    /// <exception cref="ArgumentException">It is neither, or there are too many.</exception>
    public void Export(string name, FileDescriptor tree, bool isReadOnly, bool isShared);

    /// <summary>On return nothing of it is open any more.</summary>
    public void Unexport(string name);

    /// <summary>Puts a block device into a disk slot, in place of the one that is there. Waits for a request that is under way.</summary>
    /// <param name="slot">From 0, less than the specification's <see cref="VmSpec.DiskSlots"/>.</param>
    /// <param name="device">Closed when it leaves the slot.</param>
    /// <param name="length">In bytes.</param>
    public void AttachDisk(int slot, FileDescriptor device, long length, bool isReadOnly);

    /// <summary>Takes it out. On return it is closed.</summary>
    public void DetachDisk(int slot);

    /// <summary>Ends it.</summary>
    public void Stop(string sentence);
}
