namespace Crisp.CriServer.State;

/// <summary>A versioned piece of the daemon's memory on disk.</summary>
public interface IRecord
{
    public int Version { get; }

    public string Id { get; }
}

/// <summary>A file in the records' directory that is not a record of this version: where it lies now, and why.</summary>
public sealed record RecordProblem(string Path, string Reason);
