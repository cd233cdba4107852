using System.Diagnostics;
using Crisp.CriServer.Tests.Daemon;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine.Completion;

/// <summary>What bash offers behind a line, by the script that <c>crisp completion bash</c> prints.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("crisp pul", "pull")]
    [InlineData("crisp completion ", "bash fish zsh")]
    [InlineData("crisp ps --qui", "--quiet")]
    [InlineData("crisp ps --output ", "Json Table")]
    [InlineData("crisp image r", "rm")]
    [InlineData("crisp run --network N", "Node")]
    [InlineData("crisp nothing-like-this-", "")]
    public async Task Line_IsCompleted(string line, string expected) => Assert.Equal(expected, await CompleteAsync(line));

    [Fact]
    public async Task Commands_AreOfferedWithoutOptions()
    {
        var offered = (await CompleteAsync("crisp ")).Split(' ');
        Assert.Contains("run", offered);
        Assert.DoesNotContain(offered, o => o[0] is '-' or '/');
    }

    [Fact]
    public async Task Images_AreOfferedBehindTheColonsThatBashCuts()
    {
        await using var daemon = await CrispDaemon.StartAsync();
        await daemon.ImportAsync(new Pods.TestImage("localhost:5000/team/app:1").WriteTo(daemon.Scratch), "localhost:5000/team/app:1");
        Assert.Equal("localhost:5000/team/app:1", await CompleteAsync("crisp run loc", daemon.SocketPath));
        Assert.Equal("5000/team/app:1", await CompleteAsync("crisp run localhost:50", daemon.SocketPath, "50"));
        Assert.Equal("localhost:5000/team/app:1", await CompleteAsync("crisp image rm ", daemon.SocketPath));
    }

    [Fact]
    public async Task DaemonThatIsAway_OffersNothing()
        => Assert.Equal("", await CompleteAsync("crisp run loc", "/nonexistent/crisp.sock"));

    [Theory]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task OtherShells_TakeTheScript(string shell)
    {
        var path = $"/usr/bin/{shell}";
        Assert.SkipUnless(File.Exists(path), $"{shell} is not installed.");
        var (code, script, _) = await CrispProcess.RunAsync("completion", shell);
        Assert.Equal(0, code);
        var (parsed, _, error) = await RunAsync(path, ["-n"], script, []);
        Assert.True(parsed == 0, error);
    }

    // Bash sets these variables before it calls the function; the last word is what stands behind the last of COMP_WORDBREAKS.
    private static async Task<string> CompleteAsync(string line, string socket = "/nonexistent/crisp.sock", string? lastWord = null)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "bash is not installed.");
        const string Script = """
            source <("$CRISP" completion bash)
            [[ $(complete -p crisp) == *"-F _crisp crisp" ]] || exit 3
            COMP_WORDS=("$CRISP" "$WORD") COMP_CWORD=1 COMP_LINE="$CRISP${LINE#crisp}"
            COMP_POINT=${#COMP_LINE}
            _crisp
            echo "${COMPREPLY[*]}"
            """;
        var (code, output, error) = await RunAsync(
            "/bin/bash",
            [],
            Script,
            [("CRISP", CrispBinaries.Crisp), ("LINE", line), ("WORD", lastWord ?? line[(line.LastIndexOf(' ') + 1)..]), ("CRISP_SOCKET", socket)]);
        Assert.True(code == 0, error);
        return string.Join(' ', output.TrimEnd('\n').Split(' ').Order(StringComparer.Ordinal));
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(
        string program, string[] arguments, string input, (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }
}
