using Crisp.CriServer.Hosting;
using Crisp.CriServer.State;
using Grpc.Core;
using Xunit;

namespace Crisp.CriServer.Tests.State;

public sealed class CreationTableTests
{
    private readonly CreationTable _table = new();
    private int _made;

    [Fact]
    public async Task Retry_AfterTheCallerGaveUpJoinsTheSameWork()
    {
        var finish = new TaskCompletionSource();
        using var impatient = new CancellationTokenSource();
        var first = _table.RunAsync("pod", "d", () => MakeAsync(finish.Task), impatient.Token);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        var retry = _table.RunAsync("pod", "d", () => MakeAsync(finish.Task), TestContext.Current.CancellationToken);
        finish.SetResult();
        Assert.Equal("id1", await retry);
    }

    [Fact]
    public async Task OtherContentUnderTheSameName_IsRefusedWhileTheFirstRuns()
    {
        var finish = new TaskCompletionSource();
        var first = _table.RunAsync("pod", "d", () => MakeAsync(finish.Task), TestContext.Current.CancellationToken);
        var other = await Assert.ThrowsAsync<CriException>(
            () => _table.RunAsync("pod", "e", () => MakeAsync(finish.Task), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(StatusCode.AlreadyExists, other.Code);
        finish.SetResult();
        Assert.Equal("id1", await first);
    }

    [Fact]
    public async Task Failure_ReachesEveryWaiterAndFreesTheName()
    {
        var finish = new TaskCompletionSource();
        var calls = Enumerable.Range(0, 4)
            .Select(_ => _table.RunAsync("pod", "d", () => MakeAsync(finish.Task), TestContext.Current.CancellationToken)).ToArray();
        finish.SetException(new InvalidOperationException("no"));
        foreach (var call in calls)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => call);
        }

        Assert.Equal("id2", await _table.RunAsync("pod", "d", () => MakeAsync(Task.CompletedTask), TestContext.Current.CancellationToken));
    }

    private async Task<string> MakeAsync(Task until)
    {
        var number = Interlocked.Increment(ref _made);
        await until;
        return $"id{number}";
    }
}
