namespace Crisp.CriServer.Check;

/// <summary>What became of one thing that was tried.</summary>
internal enum CheckState
{
    Ok,

    /// <summary>It works, but something about it will hurt one day, or it could not be tried.</summary>
    Warning,

    /// <summary>This node cannot do it.</summary>
    Missing,
}

/// <summary>One line of <c>crisp check</c>.</summary>
/// <param name="Name">A short noun, the same on every node, so that scripts can look for it.</param>
/// <param name="Found">What was found, as a phrase.</param>
/// <param name="Advice">What to do about it, as a sentence; null exactly where all is well.</param>
/// <param name="IsNecessary">Whether no pod can run without it.</param>
internal sealed record CheckResult(string Name, CheckState State, string Found, string? Advice, bool IsNecessary)
{
    public static CheckResult Ok(string name, string found) => new(name, CheckState.Ok, found, null, false);

    public static CheckResult Warning(string name, string found, string advice) => new(name, CheckState.Warning, found, advice, false);

    /// <summary>Something is missing without which pods can run, though not all of them.</summary>
    public static CheckResult Missing(string name, string found, string advice) => new(name, CheckState.Missing, found, advice, false);

    /// <summary>Something is missing without which no pod can run.</summary>
    public static CheckResult Necessary(string name, string found, string advice) => new(name, CheckState.Missing, found, advice, true);
}
