using Crisp.Linux;
using Crisp.Sandbox.Protocol;
using Crisp.Sandbox.Spec;

namespace Crisp.Sandbox.Launch;

/// <summary>Turns a user specification into numbers, with the container's own /etc/passwd and /etc/group.</summary>
public static class UserResolver
{
    /// <param name="rootfs">The container's root: its detached mount, or O_PATH of a running one's.</param>
    /// <exception cref="SandboxException">InvalidArgument: no such user, or a malformed or too large one.</exception>
    public static ResolvedUser Resolve(FileDescriptor rootfs, UserSpec user)
        => throw new SandboxException(RpcCode.Unimplemented, $"The user {user.User} cannot be resolved in {rootfs} yet.");
}
