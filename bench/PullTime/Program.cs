using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.PodLife;

var sockets = new Option<string[]>("--socket") { Description = "NAME=PATH of a CRI socket; several are measured in turn", Required = true };
var images = new Option<string[]>("--image") { Description = "Image to pull", Required = true };
var runs = new Option<int>("--runs") { Description = "Times each image is pulled", DefaultValueFactory = _ => 10 };
var command = new RootCommand("Times PullImage of images that the runtime does not have, and of the same ones again, in milliseconds.")
{
    sockets, images, runs,
};
command.SetAction(async (parsed, cancellation) =>
{
    var timings = new Timings();
    var clients = parsed.GetValue(sockets)!.Select(s => s.Split('=', 2)).Select(s => (Name: s[0], Client: new CriClient(s[1]))).ToList();

    // One more than asked for: the first of each warms caches, and does not count.
    for (var run = 0; run <= parsed.GetValue(runs); run++)
    {
        foreach (var image in parsed.GetValue(images)!)
        {
            foreach (var (name, client) in clients)
            {
                var spec = new ImageSpec { Image = image };
                var pull = new PullImageRequest { Image = spec };
                await client.Images.RemoveImageAsync(new RemoveImageRequest { Image = spec }, cancellationToken: cancellation);
                var into = run == 0 ? new Timings() : timings;
                var label = image[(image.LastIndexOf('/') + 1)..];
                await into.MeasureAsync($"{label} {name}", async () => await client.Images.PullImageAsync(pull, cancellationToken: cancellation));
                await into.MeasureAsync($"{label} {name} again", async () => await client.Images.PullImageAsync(pull, cancellationToken: cancellation));
            }
        }
    }

    clients.ForEach(c => c.Client.Dispose());
    await Console.Out.WriteAsync(timings.ToTable());
    return 0;
});
return await command.Parse(args).InvokeAsync();
