using System.Diagnostics;
using System.Globalization;
using System.Text;
using Xunit;

namespace Crisp.Linux.Tests.Interop;

/// <summary>Asks the machine's C compiler what the headers say: one small program prints the value of each expression.</summary>
internal static class CProgram
{
    /// <summary>Compiles and runs.</summary>
    /// <param name="headers">For example <c>linux/openat2.h</c>.</param>
    /// <param name="expressions">Integers that C can print; a macro that the headers do not have is left out of the answer.</param>
    internal static Dictionary<string, long> Evaluate(IEnumerable<string> headers, IEnumerable<string> expressions)
    {
        using var temporary = new TemporaryDirectory();
        File.WriteAllText(temporary.File("values.c"), Source(headers, expressions.Distinct()));
        Compile(temporary);
        var values = new Dictionary<string, long>();
        foreach (var line in Run(temporary.File("values"), []).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = line.LastIndexOf(' ');
            values.Add(line[..at], long.Parse(line[(at + 1)..], CultureInfo.InvariantCulture));
        }

        return values;
    }

    private static string Source(IEnumerable<string> headers, IEnumerable<string> expressions)
    {
        var source = new StringBuilder("#define _GNU_SOURCE\n");
        foreach (var header in headers)
        {
            source.Append(CultureInfo.InvariantCulture, $"#include <{header}>\n");
        }

        source.Append("#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{\n");
        foreach (var expression in expressions)
        {
            // A macro may be younger than the headers; enumerators, which the preprocessor cannot see, are given as "enum NAME".
            var isMacro = !char.IsAsciiDigit(expression[0]) && expression.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
            var value = expression.StartsWith("enum ", StringComparison.Ordinal) ? expression[5..] : expression;
            source.Append(isMacro ? $"#ifdef {expression}\n" : string.Empty);
            source.Append(CultureInfo.InvariantCulture, $"\tprintf(\"%s %lld\\n\", \"{expression}\", (long long)({value}));\n");
            source.Append(isMacro ? "#endif\n" : string.Empty);
        }

        return source.Append("\treturn 0;\n}\n").ToString();
    }

    private static void Compile(TemporaryDirectory temporary)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/cc"), "needs a C compiler (Debian: gcc)");
        Assert.SkipUnless(File.Exists("/usr/include/stdio.h"), "needs C's headers (Debian: libc6-dev)");
        Assert.SkipUnless(File.Exists("/usr/include/linux/mount.h"), "needs the kernel's headers (Debian: linux-libc-dev)");
        var (_, errors, code) = Run("/usr/bin/cc", ["-std=gnu11", "-w", "-o", temporary.File("values"), temporary.File("values.c")]);
        Assert.True(code == 0, errors);
    }

    private static (string Output, string Errors, int Code) Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (output, errors.Result, process.ExitCode);
    }
}
