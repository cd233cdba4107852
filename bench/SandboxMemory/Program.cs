using Crisp.SandboxMemory;

// The goals of the design: the peak of one pod's process under a load that a long life brings.
const long RssGoal = 8 << 20;
const long PrivateDirtyGoal = 2 << 20;
const int LogBytes = 100_000_000;
const int Execs = 1000;
const int Restarts = 100;

if (args is not [var program])
{
    Console.Error.WriteLine("usage: SandboxMemory CRISP-SANDBOX");
    return 64;
}

// Two pods, as the program's own pages are shared on a node with more than one; the second one does nothing.
using var load = await Load.StartAsync(program);
using var sampler = new MemorySampler(load.Pid);
Console.WriteLine($"{"",-32}{"RSS kB",10}{"private dirty kB",20}");
sampler.Report("at rest, one container");
await load.LogAsync(LogBytes);
sampler.Report($"after {LogBytes / 1_000_000} MB of logs");
await load.ExecAsync(Execs);
sampler.Report($"after {Execs} execs");
await load.RestartAsync(Restarts);
sampler.Report($"after {Restarts} container restarts");
var peak = sampler.Peak();
Console.WriteLine($"{"peak",-32}{peak.Rss >> 10,10}{peak.PrivateDirty >> 10,20}");
Console.WriteLine($"{"goal",-32}{RssGoal >> 10,10}{PrivateDirtyGoal >> 10,20}");
Console.WriteLine($"threads: {load.Threads()}, descriptors: {load.Descriptors()}");
return peak.Rss <= RssGoal && peak.PrivateDirty <= PrivateDirtyGoal ? 0 : 1;
