using System.CommandLine;
using Crisp.PodLife;

var socket = new Option<string>("--socket") { Description = "CRI socket", DefaultValueFactory = _ => "/run/crisp/crisp.sock" };
var image = new Option<string>("--image") { Description = "Image with sh and sleep that the runtime has already", Required = true };
var runs = new Option<int>("--runs") { Description = "Times each call is made", DefaultValueFactory = _ => 50 };
var podNetwork = new Option<bool>("--pod-network") { Description = "Pods with a network of their own, by the node's CNI config" };
var cgroupParent = new Option<string>("--cgroup-parent") { Description = "cgroup_parent of the pods", DefaultValueFactory = _ => "" };
var command = new RootCommand("Times the calls of a pod's life and prints minimum, median, p95 and maximum in milliseconds.")
{
    socket, image, runs, podNetwork, cgroupParent,
};
command.SetAction(async (parsed, cancellation) =>
{
    using var client = new CriClient(parsed.GetValue(socket)!);
    var life = new Life(client, new LifeOptions(
        parsed.GetValue(image)!, parsed.GetValue(runs), parsed.GetValue(podNetwork), parsed.GetValue(cgroupParent)!));
    await Console.Out.WriteAsync((await life.RunAsync(cancellation)).ToTable());
    return 0;
});
return await command.Parse(args).InvokeAsync();
