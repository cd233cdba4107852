using System.CommandLine;
using Crisp.Cri.V1;
using Crisp.PodLife;

var sockets = new Option<string[]>("--socket") { Description = "NAME=PATH of a CRI socket; several are measured in turn", Required = true };
var images = new Option<string[]>("--image") { Description = "Repository with the images to pull, tagged 0 to the number of runs", Required = true };
var runs = new Option<int>("--runs") { Description = "Images of each repository that count", DefaultValueFactory = _ => 5 };
var command = new RootCommand("Times PullImage of images that the runtime does not have, and of the same ones again, in milliseconds.")
{
    sockets, images, runs,
};
command.SetAction(async (parsed, cancellation) =>
{
    var timings = new Timings();
    var clients = parsed.GetValue(sockets)!.Select(s => s.Split('=', 2)).Select(s => (Name: s[0], Client: new CriClient(s[1]))).ToList();

    // The first of each warms caches, and does not count. The images are removed when everything is measured, for a runtime may
    // be busy with a removal long after it has answered.
    var pulled = new List<ImageSpec>();
    for (var run = 0; run <= parsed.GetValue(runs); run++)
    {
        foreach (var repository in parsed.GetValue(images)!)
        {
            var spec = new ImageSpec { Image = $"{repository}:{run}" };
            pulled.Add(spec);
            var pull = new PullImageRequest { Image = spec };
            foreach (var (name, client) in clients)
            {
                var into = run == 0 ? new Timings() : timings;
                var label = repository[(repository.LastIndexOf('/') + 1)..];
                await into.MeasureAsync($"{label} {name}", async () => await client.Images.PullImageAsync(pull, cancellationToken: cancellation));
                await into.MeasureAsync($"{label} {name} again", async () => await client.Images.PullImageAsync(pull, cancellationToken: cancellation));
            }
        }
    }

    foreach (var (_, client) in clients)
    {
        foreach (var spec in pulled)
        {
            await client.Images.RemoveImageAsync(new RemoveImageRequest { Image = spec }, cancellationToken: cancellation);
        }
    }

    clients.ForEach(c => c.Client.Dispose());
    await Console.Out.WriteAsync(timings.ToTable());
    return 0;
});
return await command.Parse(args).InvokeAsync();
