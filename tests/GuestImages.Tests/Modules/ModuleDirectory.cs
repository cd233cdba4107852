using System.Text;
using Crisp.Linux.Tests;

namespace Crisp.GuestImages.Tests.Modules;

/// <summary>A kernel's directory of modules, with empty lists at first.</summary>
internal sealed class ModuleDirectory : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    internal ModuleDirectory()
    {
        Write("modules.dep", "");
        Write("modules.builtin", "");
    }

    internal string Path => _directory.Path;

    internal string File(string name) => _directory.File(name);

    internal void Write(string name, string text) => WriteBytes(name, Encoding.UTF8.GetBytes(text));

    internal void WriteModule(string name, string release) => WriteBytes(name, Module(release));

    internal static byte[] Module(string release) => Encoding.ASCII.GetBytes($"\u007fELF\0license=GPL\0vermagic={release} SMP mod_unload \0");

    public void Dispose() => _directory.Dispose();

    private void WriteBytes(string name, byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllBytes(File(name), content);
    }
}
