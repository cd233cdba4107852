using Crisp.Install.Host;

namespace Crisp.Install.Tests;

/// <summary>A host whose root is a directory of the test's own, and whose programs the test plays.</summary>
internal sealed class FakeHost : IHostCommands, IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("crisp-test-").FullName;

    internal FakeHost()
    {
        Directory.CreateDirectory(RootPath);
        Root = new HostRoot(RootPath);
        Build("1");
    }

    internal string RootPath => Path.Combine(_directory, "root");

    /// <summary>Where the programs that are to be installed lie.</summary>
    internal string Source => Path.Combine(_directory, "source");

    internal HostRoot Root { get; }

    /// <summary>What was run, without systemctl's path.</summary>
    internal List<string> Commands { get; } = [];

    /// <summary>The steps that were told.</summary>
    internal List<string> Said { get; } = [];

    /// <summary>The error of a command that contains the key.</summary>
    internal Dictionary<string, string> Failures { get; } = [];

    /// <summary>A command that contains this cannot be run at all.</summary>
    internal string? NotToBeRun { get; set; }

    /// <summary>Whether the version that is selected answers once it is started; by its programs' content.</summary>
    internal Func<string, bool> Works { get; set; } = _ => true;

    /// <summary>The programs' content that runs as a service; null when none does.</summary>
    internal string? Running { get; private set; }

    internal Installation Installation => new(
        Root, this, _ => Task.FromResult(Running is { } build && Works(build)), TimeProvider.System, Said.Add);

    internal InstallRequest Request => new(new ProgramSource(Source, ProgramFiles.Programs, "0.1.0")) { DefaultConfig = "default", Patience = TimeSpan.FromMilliseconds(300) };

    /// <summary>Puts another build of the programs where they are installed from.</summary>
    internal void Build(string content)
    {
        Directory.CreateDirectory(Source);
        foreach (var program in ProgramFiles.Programs)
        {
            File.WriteAllText(Path.Combine(Source, program), content);
        }
    }

    internal string Read(string path) => File.ReadAllText(Root.Resolve(path));

    /// <summary>All files and links of the host; not what links to directories lead to.</summary>
    internal IEnumerable<string> Files => Directory.EnumerateFileSystemEntries(RootPath, "*", SearchOption.AllDirectories)
        .Where(e => !Directory.Exists(e) || new FileInfo(e).LinkTarget is not null)
        .Select(e => e[RootPath.Length..])
        .Where(e => !e.Contains("/crisp/current/", StringComparison.Ordinal) && !e.Contains("/crisp/previous/", StringComparison.Ordinal))
        .Order(StringComparer.Ordinal);

    public Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, TimeSpan deadline, CancellationToken cancellation)
    {
        var command = string.Join(' ', [Path.GetFileName(program), .. arguments]);
        Commands.Add(command);
        if (NotToBeRun is { } impossible && command.Contains(impossible, StringComparison.Ordinal))
        {
            throw new HostException($"{program} cannot be run.");
        }

        if (Failures.FirstOrDefault(f => command.Contains(f.Key, StringComparison.Ordinal)) is { Value: { } error })
        {
            return Task.FromResult(new CommandResult(1, "", error));
        }

        switch (arguments)
        {
            case ["restart", _]:
                Running = File.ReadAllText(Root.Resolve(ProgramFiles.Crisp));
                break;
            case ["stop", _]:
                Running = null;
                break;
        }

        return Task.FromResult(new CommandResult(0, arguments is ["is-active", _] && Running is not null ? "active\n" : "", ""));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
