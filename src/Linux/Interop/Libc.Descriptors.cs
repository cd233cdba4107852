using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Tmds.Linux;

namespace Crisp.Linux.Interop;

internal static unsafe partial class Libc
{
    // int pipe2(int pipefd[2], int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int pipe2(int* pipefd, int flags);

    // int eventfd(unsigned int initval, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int eventfd(uint initval, int flags);

    // int memfd_create(const char *name, unsigned int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int memfd_create([MarshalUsing(typeof(PathMarshaller))] string name, uint flags);

    // int epoll_create1(int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int epoll_create1(int flags);

    // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int epoll_ctl(FileDescriptor epfd, int op, FileDescriptor fd, epoll_event* @event);

    // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int epoll_wait(FileDescriptor epfd, epoll_event* events, int maxevents, int timeout);

    // int socket(int domain, int type, int protocol);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    // int socketpair(int domain, int type, int protocol, int sv[2]);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int socketpair(int domain, int type, int protocol, int* sv);

    // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int bind(FileDescriptor sockfd, sockaddr_un* addr, uint addrlen);

    // int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int connect(FileDescriptor sockfd, sockaddr_un* addr, uint addrlen);

    // int listen(int sockfd, int backlog);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int listen(FileDescriptor sockfd, int backlog);

    // int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int accept4(FileDescriptor sockfd, void* addr, uint* addrlen, int flags);

    // int shutdown(int sockfd, int how);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int shutdown(FileDescriptor sockfd, int how);

    // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockopt(FileDescriptor sockfd, int level, int optname, void* optval, uint* optlen);

    // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setsockopt(FileDescriptor sockfd, int level, int optname, void* optval, uint optlen);

    // ssize_t sendmsg(int sockfd, const struct msghdr *msg, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint sendmsg(FileDescriptor sockfd, msghdr* msg, int flags);

    // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags);
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint recvmsg(FileDescriptor sockfd, msghdr* msg, int flags);
}
