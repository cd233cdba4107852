using System.CommandLine;
using Crisp.PodLife;
using Crisp.PodStats;

var socket = new Option<string>("--socket") { Description = "CRI socket", DefaultValueFactory = _ => "/run/crisp/crisp.sock" };
var image = new Option<string>("--image") { Description = "Image with sh and sleep that the runtime has already", Required = true };
var pods = new Option<int>("--pods") { Description = "Pods, with one container each", DefaultValueFactory = _ => 100 };
var seconds = new Option<int>("--seconds") { Description = "How long each call is polled", DefaultValueFactory = _ => 30 };
var podNetwork = new Option<bool>("--pod-network") { Description = "Pods with a network of their own, by the node's CNI config" };
var cgroupParent = new Option<string>("--cgroup-parent") { Description = "cgroup_parent of the pods", DefaultValueFactory = _ => "" };
var command = new RootCommand("Makes pods, asks for their statistics once a second, and prints what that costs the daemon.")
{
    socket, image, pods, seconds, podNetwork, cgroupParent,
};
command.SetAction(async (parsed, cancellation) =>
{
    using var client = new CriClient(parsed.GetValue(socket)!);
    var daemon = DaemonProcess.Behind(parsed.GetValue(socket)!);
    await using var crowd = new PodCrowd(client, parsed.GetValue(image)!, parsed.GetValue(podNetwork), parsed.GetValue(cgroupParent)!);
    await crowd.AddAsync(parsed.GetValue(pods), cancellation);
    var polls = new Polls(client, daemon, TimeSpan.FromSeconds(parsed.GetValue(seconds)));
    await Console.Out.WriteAsync(await polls.RunAsync(cancellation));
    return 0;
});
return await command.Parse(args).InvokeAsync();
