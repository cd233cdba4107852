using Crisp.CriServer.Cdi;

namespace Crisp.CriServer.Check.Probes;

/// <summary>Devices of vendors: which ones containers can ask for, and which files are wrong. A node without any lacks nothing.</summary>
internal static class CdiProbe
{
    private const string Name = "CDI";
    private const int Shown = 5;
    private const int MostProblems = 10;

    public static IEnumerable<CheckResult> Run(CheckContext context)
    {
        var directories = context.Config.CdiSpecDirectories;
        var (names, problems) = new CdiDirectories(directories).List();
        var where = directories.Count == 0 ? "cdi.spec_dirs, which is empty" : string.Join(" or ", directories);
        yield return CheckResult.Ok(Name, names.Count switch
        {
            0 => $"no devices in {where}",
            <= Shown => string.Join(", ", names),
            var count => $"{string.Join(", ", names.Take(Shown))} and {count - Shown} more",
        });
        foreach (var problem in problems.Take(MostProblems))
        {
            yield return CheckResult.Warning(Name, problem.TrimEnd('.'), "Containers that ask for its devices are refused. Correct the file, or have its vendor's tool make it anew.");
        }
    }
}
