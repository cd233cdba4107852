using System.Reflection;
using Grpc.Core;
using Xunit;
using Xunit.Sdk;

namespace Crisp.Conformance.Tests.Lies;

/// <summary>Every rule is seen to fail: against a server that breaks it.</summary>
public sealed class LieTests(Endpoint endpoint)
{
    public static TheoryData<string> Broken => [.. RuleBreaks.All.Select(b => b.Name)];

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task Rule_FailsWhereItIsBroken(string name)
    {
        endpoint.Require();
        var broken = RuleBreaks.All.Single(b => b.Name == name);
        var group = (ConformanceTests)Activator.CreateInstance(broken.Rule.DeclaringType!, endpoint)!;
        group.Lie = broken.Lie();
        try
        {
            var error = await Record.ExceptionAsync(() => (Task)broken.Rule.Invoke(group, null)!);
            if (error is SkipException)
            {
                throw error;
            }

            // A call that the runtime itself refuses, or one that breaks off, proves nothing.
            Assert.True(
                error is IAssertionException || error is RpcException { Status.Detail: Lie.Refusal } || error is TimeoutException,
                $"{name}: {error?.ToString() ?? "the test passed"}");
        }
        finally
        {
            await group.DisposeAsync();
        }
    }

    [Fact]
    public void EveryRule_HasABrokenServer()
    {
        var rules = typeof(ConformanceTests).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(ConformanceTests)))
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance).Where(m => m.GetCustomAttribute<FactAttribute>() is not null));
        Assert.Empty(rules.Except(RuleBreaks.All.Select(b => b.Rule)).Select(m => $"{m.DeclaringType!.Name}.{m.Name}"));
    }
}
