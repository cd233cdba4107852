namespace Crisp.Install.Host;

/// <summary>How a program of the host ended.</summary>
/// <param name="ExitCode">As a shell shows it: 128 and the signal's number for one that a signal ended.</param>
/// <param name="Output">Of standard output, as UTF-8.</param>
/// <param name="Error">Of standard error, as UTF-8, without the last line break.</param>
public sealed record CommandResult(int ExitCode, string Output, string Error);
