using System.CommandLine;
using System.Runtime.CompilerServices;
using Crisp.CriServer.CommandLine;
using Xunit;

namespace Crisp.CriServer.Tests.CommandLine;

/// <summary>crisp plan, with the specifications whose plans the pods' own tests pin.</summary>
public sealed class PlanCommandTests
{
    [Fact]
    public void Container_PrintsItsPlanToTheProgram()
    {
        var (code, output, error) = Run("plan", Spec("simple.json"));

        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith("    clone3(PIDFD|CLEAR_SIGHAND|NEWNS|NEWPID", output);
        Assert.Contains("# Mount /etc/hosts\n", output);
        Assert.EndsWith("\"NGINX_VERSION=1.29.1\", \"HOME=/\"])\n", output);
    }

    [Fact]
    public void PodOfAUserNamespace_ChangesThePlan()
    {
        var (code, output, _) = Run("plan", Spec("simple.json"), "--pod", Spec("pod-user.json"));

        Assert.Equal(0, code);
        Assert.Contains("setns(user namespace, NEWUSER)\n", output);
        Assert.Contains("CLONE(NEWNS|NEWCGROUP|NEWPID, 60000 ms)\n", output);
    }

    [Fact]
    public void Exec_PrintsItsPlan()
    {
        var (code, output, _) = Run("plan", "--exec", Spec("exec.json"));

        Assert.Equal(0, code);
        Assert.Contains("setns(container, NEWNS|NEWUTS|NEWIPC|NEWPID|NEWNET)\n", output);
    }

    [Fact]
    public void NameOfAUser_NeedsTheImage()
    {
        using var directory = new TemporaryDirectory();
        var spec = Path.Combine(directory.Path, "spec.json");
        File.WriteAllText(spec, File.ReadAllText(Spec("terminal.json")).Replace("\"user\": \"1000\"", "\"user\": \"app\"", StringComparison.Ordinal));
        Directory.CreateDirectory(Path.Combine(directory.Path, "root/etc"));
        File.WriteAllText(Path.Combine(directory.Path, "root/etc/passwd"), "app:x:77:78::/home/app:/bin/sh\n");

        var (code, _, error) = Run("plan", spec);
        Assert.Equal(1, code);
        Assert.Contains("The user \"app\" is not in the container's /etc/passwd.", error);
        Assert.EndsWith("Say with --rootfs where the image is.\n", error);

        var (found, output, _) = Run("plan", spec, "--rootfs", Path.Combine(directory.Path, "root"));
        Assert.Equal(0, found);
        Assert.Contains("setresuid(77, 77, 77)\n", output);
    }

    [Fact]
    public void FileThatIsNoSpecification_IsNamed()
    {
        using var directory = new TemporaryDirectory();
        var path = Path.Combine(directory.Path, "spec.json");
        File.WriteAllText(path, """{"id": "x", "unknown": 1}""");

        Assert.Contains($"{path} is no ContainerSpec: ", Run("plan", path).Error);
        Assert.Equal($"crisp: {path}.none cannot be read: ENOENT, no such file or directory.\n", Run("plan", path + ".none").Error);
        Assert.Equal(
            $"crisp: The root filesystem {path} cannot be opened: ENOTDIR, not a directory.\n",
            Run("plan", Spec("simple.json"), "--rootfs", path).Error);
    }

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = CrispCommand.Parse(arguments).Invoke(new InvocationConfiguration { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }

    private static string Spec(string name, [CallerFilePath] string source = "")
    {
        var folder = Path.Combine(Path.GetDirectoryName(source)!, "../../Sandbox.Tests/Launch/Plans");
        return Path.Combine(Directory.Exists(folder) ? folder : Path.Combine(AppContext.BaseDirectory, "Plans"), name);
    }
}
