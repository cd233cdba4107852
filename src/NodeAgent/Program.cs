using System.CommandLine;
using Crisp.NodeAgent.CommandLine;

// The agent ends what it does at its own pace: the pod's grace period is the limit.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(10) };
return await AgentCommand.Create().Parse(args).InvokeAsync(configuration);
