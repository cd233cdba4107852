namespace Crisp.Kvm.Boot.Linux;

/// <summary>Where a guest image's initramfs has what its init looks for. The paths are the guest's.</summary>
public static class GuestFiles
{
    /// <summary>What the kernel starts as process 1.</summary>
    public const string Init = "/init";

    /// <summary>The kernel's modules: files of this directory, each named as in the kernel's own tree, with .ko and not compressed.</summary>
    public const string Modules = "/modules";

    /// <summary>The paths of the modules that init is to load, one a line, each after those that it depends on.</summary>
    public const string ModuleOrder = "/modules/order.txt";
}
