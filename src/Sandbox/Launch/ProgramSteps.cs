using Crisp.Linux;
using Crisp.Linux.Plans;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>The last steps: execve of the program, looked up in PATH when its name has no slash.</summary>
internal sealed class ProgramSteps
{
    /// <summary>PATH where there is none.</summary>
    internal const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private const int MostDirectories = 256;
    private readonly PlanBuilder _builder;
    private readonly IReadOnlyList<string> _arguments;
    private readonly List<string> _environment;

    internal ProgramSteps(PlanBuilder builder, ProcessSpec process, string home)
    {
        _builder = builder;
        _arguments = process.Args.Count > 0 && process.Args[0].Length > 0
            ? process.Args
            : throw new SandboxException(RpcCode.InvalidArgument, "No program: the first argument is missing or empty.");
        _environment = new List<string>(process.Env.Count + 3);
        _environment.AddRange(process.Env);
        AddDefault("PATH", DefaultPath);
        AddDefault("HOME", home);
        if (process.Terminal)
        {
            AddDefault("TERM", "xterm");
        }
    }

    /// <summary>
    /// The directories are tried twice. When none has the program, the second round ends at what the first one passed over: a
    /// file that may not be executed. If there is none, the last step says that the program is missing.
    /// </summary>
    internal void Execute()
    {
        var program = _arguments[0];
        _builder.Label("Execute the program");
        if (program.Contains('/', StringComparison.Ordinal))
        {
            Execve(program);
            return;
        }

        var candidates = Candidates(program);
        foreach (var candidate in candidates)
        {
            Execve(candidate).Accept(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG, Errno.EACCES);
        }

        foreach (var candidate in candidates)
        {
            Execve(candidate).Accept(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENAMETOOLONG);
        }

        Execve(candidates[^1]);
    }

    private StepReference Execve(string path) => _builder.Execve(path, _arguments, _environment);

    /// <summary>Relative directories of PATH, the empty one too, depend on where the process stands, and are left out.</summary>
    private List<string> Candidates(string program)
    {
        var candidates = new List<string>();
        foreach (var directory in Value("PATH")!.Split(':'))
        {
            if (!directory.StartsWith('/'))
            {
                continue;
            }

            candidates.Add(directory.EndsWith('/') ? directory + program : $"{directory}/{program}");
            if (candidates.Count > MostDirectories)
            {
                throw new SandboxException(RpcCode.InvalidArgument, $"PATH has more than {MostDirectories} directories.");
            }
        }

        return candidates.Count > 0
            ? candidates
            : throw new SandboxException(RpcCode.NotFound, $"exec \"{program}\": executable file not found in $PATH, which has no absolute directory");
    }

    private void AddDefault(string name, string value)
    {
        if (Value(name) is null)
        {
            _environment.Add($"{name}={value}");
        }
    }

    private string? Value(string name)
    {
        foreach (var entry in _environment)
        {
            if (entry.Length > name.Length && entry[name.Length] == '=' && entry.StartsWith(name, StringComparison.Ordinal))
            {
                return entry[(name.Length + 1)..];
            }
        }

        return null;
    }
}
