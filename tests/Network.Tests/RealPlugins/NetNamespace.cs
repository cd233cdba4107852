using System.Diagnostics;
using System.Globalization;
using Crisp.Linux;

namespace Crisp.Network.Tests.RealPlugins;

/// <summary>A network namespace that an open file keeps alive, as those of pods are; its loopback is up.</summary>
internal sealed class NetNamespace : IDisposable
{
    private readonly FileDescriptor _file;

    internal NetNamespace()
    {
        _file = OnThread(() =>
        {
            Namespaces.Unshare(NamespaceFlags.Network);
            return Namespaces.OpenOwn("net");
        });
        Shell("ip link set lo up");
    }

    internal string Path => string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/fd/{_file.Number}");

    /// <summary>Runs code in the namespace; the sockets that it makes stay there.</summary>
    internal T Run<T>(Func<T> work) => OnThread(() =>
    {
        Namespaces.SetNs(_file, NamespaceFlags.Network);
        return work();
    });

    /// <summary>Runs a command in the namespace.</summary>
    /// <returns>What it printed.</returns>
    internal string Shell(string command)
    {
        var (code, output) = TryShell(command);
        return code == 0 ? output : throw new InvalidOperationException($"{command} ended with {code}: {output}");
    }

    internal (int Code, string Output) TryShell(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("nsenter", [$"--net={Path}", "sh", "-c", $"{{ {command}; }} 2>&1"])
        {
            RedirectStandardOutput = true,
        })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    /// <summary>The namespace ends with everything in it as soon as nobody else holds it.</summary>
    public void Dispose() => _file.Dispose();

    // A thread that has changed its namespace is not fit for anything else.
    private static T OnThread<T>(Func<T> work)
    {
        T result = default!;
        Exception? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = work();
            }
            catch (Exception e)
            {
                error = e;
            }
        });
        thread.Start();
        thread.Join();
        return error is null ? result : throw new InvalidOperationException(error.Message, error);
    }
}
