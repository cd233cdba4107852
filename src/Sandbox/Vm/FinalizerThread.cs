using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Crisp.Sandbox.Vm;

/// <summary>Runs code on the runtime's own thread, which the program did not start and cannot reach otherwise.</summary>
internal static class FinalizerThread
{
    /// <summary>Runs the action there and waits for its end.</summary>
    /// <exception cref="InvalidOperationException">The collector has not finalized the object that carries it.</exception>
    internal static void Run(Action action)
    {
        var call = new Call(action);
        Drop(call);
        for (var i = 0; i < 10 && !call.IsDone; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        if (!call.IsDone)
        {
            throw new InvalidOperationException("The finalizer's thread has not taken what it was given.");
        }

        call.Failure?.Throw();
    }

    // Not inlined, so that no register holds the object afterwards.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop(Call call) => _ = new Carrier(call);

    private sealed class Call(Action action)
    {
        internal volatile bool IsDone;

        internal ExceptionDispatchInfo? Failure { get; private set; }

        internal void Run()
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // It is given to the caller.
            catch (Exception e)
            {
                Failure = ExceptionDispatchInfo.Capture(e);
            }
#pragma warning restore CA1031
            IsDone = true;
        }
    }

    private sealed class Carrier(Call call)
    {
        ~Carrier() => call.Run();
    }
}
