namespace Crisp.Kvm.Boot;

/// <summary>In which mode of the processor a flat guest starts.</summary>
public enum EntryMode
{
    /// <summary>16 bits, segments of 64 KiB.</summary>
    Real,

    /// <summary>32 bits, flat segments, no paging.</summary>
    Protected,

    /// <summary>64 bits, flat segments, the first 4 GiB mapped to themselves.</summary>
    Long,
}
