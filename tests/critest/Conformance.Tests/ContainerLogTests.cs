using System.Globalization;
using Crisp.Cri.V1;
using Xunit;

namespace Crisp.Conformance.Tests;

/// <summary>critest's "runtime should support log": the file's form, and its rotation.</summary>
public sealed class ContainerLogTests(Endpoint endpoint) : ConformanceTests(endpoint)
{
    [Fact]
    public async Task Lines_HaveTimeStreamAndTag()
    {
        var pod = await Cri.PodAsync();
        var status = await Cri.EndAsync(await Cri.LaunchAsync(pod, ["sh", "-c", "echo to out; echo to err >&2; printf unfinished"]));
        var lines = File.ReadAllLines(status.LogPath).Select(l => l.Split(' ', 4)).ToList();
        Assert.All(lines, l => Assert.True(DateTimeOffset.TryParse(l[0], CultureInfo.InvariantCulture, out _), l[0]));
        Assert.Equivalent(new[] { "stdout F to out", "stderr F to err", "stdout P unfinished" }, lines.Select(l => string.Join(' ', l[1..])).ToArray(), strict: true);
    }

    [Fact]
    public async Task LongLine_IsInPartsThatAreWholeTogether()
    {
        var pod = await Cri.PodAsync();
        var status = await Cri.EndAsync(await Cri.LaunchAsync(pod, ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo next"]));
        var lines = File.ReadAllLines(status.LogPath).Select(l => l.Split(' ', 4)).ToList();
        var whole = lines.FindIndex(l => l[2] == "F");
        Assert.True(whole > 0);
        Assert.All(lines[..whole], l => Assert.Equal("P", l[2]));
        Assert.Equal(new string('x', 100_000), string.Concat(lines[..(whole + 1)].Select(l => l[3])));
        Assert.Equal("next", lines[^1][3]);
    }

    [Fact]
    public async Task Reopen_GoesOnInANewFileWithoutALoss()
    {
        var container = await Cri.RunAsync(["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done"]);
        var path = (await Cri.StatusAsync(container)).LogPath;
        await LinesAsync(path, 5);
        var old = path + ".1";
        File.Move(path, old);
        await Cri.Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = container });
        await LinesAsync(path, 5);
        await Cri.StopAsync(container);
        var numbers = File.ReadAllLines(old).Concat(File.ReadAllLines(path)).Select(l => int.Parse(l.Split(' ')[3])).ToList();
        Assert.Equal(Enumerable.Range(0, numbers.Count), numbers);
    }

    private static async Task LinesAsync(string path, int count)
    {
        for (var tries = 0; !File.Exists(path) || File.ReadAllLines(path).Length < count; tries++)
        {
            Assert.True(tries < 300, $"{path} does not get {count} lines.");
            await Task.Delay(20);
        }
    }
}
