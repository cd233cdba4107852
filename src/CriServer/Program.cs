using System.CommandLine;
using Crisp.CriServer.CommandLine;

// The host handles SIGTERM itself and in its own time; the command line must not end the process under it.
return await CrispCommand.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
