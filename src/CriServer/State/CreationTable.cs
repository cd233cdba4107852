using System.Collections.Concurrent;
using Crisp.CriServer.Hosting;

namespace Crisp.CriServer.State;

/// <summary>
/// Creations under way, by name. A caller whose deadline passes goes away; the work goes on, and the retry of the same
/// request joins it instead of hearing that the name is reserved.
/// </summary>
public sealed class CreationTable
{
    private readonly ConcurrentDictionary<string, Creation> _creations = new();

    /// <summary>Runs <paramref name="create"/> once for all calls of the same name and digest at the same time.</summary>
    /// <param name="digest">Of the request; another one under the same name is refused while the first runs.</param>
    /// <param name="create">Makes the thing and returns its id; cancelled by nobody.</param>
    /// <param name="caller">Ends the waiting, not the work.</param>
    public async Task<string> RunAsync(string name, string digest, Func<Task<string>> create, CancellationToken caller)
    {
        var mine = new Creation(digest);
        var creation = _creations.GetOrAdd(name, mine);
        if (creation.Digest != digest)
        {
            throw CriException.Exists($"\"{name}\" is being made by another call with other content. Wait for that one to end.");
        }

        if (ReferenceEquals(creation, mine))
        {
            _ = Task.Run(() => CompleteAsync(name, mine, create), CancellationToken.None);
        }

        return await creation.Result.Task.WaitAsync(caller);
    }

    private async Task CompleteAsync(string name, Creation creation, Func<Task<string>> create)
    {
        try
        {
            var id = await create();
            _creations.TryRemove(name, out _);
            creation.Result.TrySetResult(id);
        }
        catch (Exception e)
        {
            // Every failure belongs to the callers that wait, if any still do.
            _creations.TryRemove(name, out _);
            creation.Result.TrySetException(e);
            _ = creation.Result.Task.Exception;
        }
    }

    private sealed class Creation(string digest)
    {
        public string Digest { get; } = digest;

        public TaskCompletionSource<string> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
