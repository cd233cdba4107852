using System.CommandLine;
using Crisp.CriServer.CommandLine;

// The host handles SIGTERM itself and in its own time; the command line must not end the process under it.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = null };

// .NET's own writers switch the keypad of a terminal over, and never back.
if (!Console.IsOutputRedirected)
{
    configuration.Output = DescriptorStream.Writer(1);
}

if (!Console.IsErrorRedirected)
{
    configuration.Error = DescriptorStream.Writer(2);
}

return await CrispCommand.Parse(args).InvokeAsync(configuration);
