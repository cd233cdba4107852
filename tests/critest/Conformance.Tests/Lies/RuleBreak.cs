using System.Linq.Expressions;
using System.Reflection;

namespace Crisp.Conformance.Tests.Lies;

/// <summary>A rule, and a server that breaks it.</summary>
internal sealed record RuleBreak(string Name, MethodInfo Rule, Func<Lie> Lie)
{
    /// <param name="rule">The test that has to notice.</param>
    /// <param name="what">What the server does.</param>
    /// <param name="lie">Makes the server; lies may count.</param>
    public static RuleBreak Of<TGroup>(Expression<Func<TGroup, Task>> rule, string what, Func<Lie> lie)
    {
        var method = ((MethodCallExpression)rule.Body).Method;
        return new($"{typeof(TGroup).Name}.{method.Name}: {what}", method, lie);
    }
}
