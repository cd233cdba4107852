/*
 * What a process of a container may do, as it finds out by itself: every system call by number, with arguments that no call can
 * do anything with, and a few whose arguments a seccomp filter looks at; then its credentials and its mounts. One line each, in an
 * order that two runtimes have in common, so that diff(1) shows how they differ. Built statically by probe.sh.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST = 470, PATIENCE = 1 };

/* In a child, since some calls end it, block it or change it. The errno comes back as its exit code; 0 is success. */
static void try_call(const char *name, long number, long a, long b, long c)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(PATIENCE);
		errno = 0;
		long result = syscall(number, a, b, c, -1L, -1L, -1L);
		syscall(SYS_exit_group, result == -1 ? errno : 0);
	}
	int status;
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: %s\n", name, WTERMSIG(status) == SIGALRM ? "waits" : strsignal(WTERMSIG(status)));
	else
		printf("%s: %s\n", name, WEXITSTATUS(status) == 0 ? "done" : strerrorname_np(WEXITSTATUS(status)));
}

static void calls(void)
{
	for (long number = 0; number <= LAST; number++) {
		char name[32];
		snprintf(name, sizeof name, "call %ld", number);
		/* kill(-1, -1) and the like: no signal has that number. */
		try_call(name, number, -1, -1, -1);
	}
}

static void arguments(void)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_ALG, AF_VSOCK, AF_XDP, AF_BLUETOOTH, AF_CAN };
	static const struct { const char *name; long flag; } spaces[] = {
		{ "user", CLONE_NEWUSER }, { "mnt", CLONE_NEWNS }, { "pid", CLONE_NEWPID }, { "net", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC },
		{ "uts", CLONE_NEWUTS }, { "cgroup", CLONE_NEWCGROUP },
	};
	static const long personalities[] = { 0, 8, 0x20000, 0x20008, 0xffffffff, 0x40000, 0x400000 };
	char name[64];
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		snprintf(name, sizeof name, "socket of family %d", families[i]);
		try_call(name, SYS_socket, families[i], SOCK_DGRAM, 0);
		snprintf(name, sizeof name, "sequential socket of family %d", families[i]);
		try_call(name, SYS_socket, families[i], SOCK_SEQPACKET, 0);
	}
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
		snprintf(name, sizeof name, "unshare %s", spaces[i].name);
		try_call(name, SYS_unshare, spaces[i].flag, 0, 0);
		snprintf(name, sizeof name, "clone %s", spaces[i].name);
		try_call(name, SYS_clone, spaces[i].flag | SIGCHLD, 0, 0);
	}
	for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++) {
		snprintf(name, sizeof name, "personality %#lx", personalities[i]);
		try_call(name, SYS_personality, personalities[i], 0, 0);
	}
}

/* The lines of a file that begin so. */
static void lines(const char *path, const char *const *beginnings)
{
	char line[4096];
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		for (const char *const *beginning = beginnings; *beginning; beginning++)
			if (strncmp(line, *beginning, strlen(*beginning)) == 0)
				printf("%s", line);
	if (file)
		fclose(file);
}

/* Mount point, options of the mount, file system and options of it; without numbers and sources, which are the node's. */
static void mounts(void)
{
	char line[8192], point[4096], options[1024], type[256];
	FILE *file = fopen("/proc/self/mountinfo", "r");
	while (file && fgets(line, sizeof line, file)) {
		char *dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*d %*d %*s %*s %4095s %1023s", point, options) == 2 && sscanf(dash, " - %255s", type) == 1)
			printf("mount %s %s %s\n", point, type, options);
	}
	if (file)
		fclose(file);
}

int main(void)
{
	static const char *const credentials[] = { "Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp:", NULL };
	/* Calls that print warnings of the kernel's own or end the program's parent do so to nobody. */
	signal(SIGHUP, SIG_IGN);
	calls();
	arguments();
	lines("/proc/self/status", credentials);
	mounts();
	return 0;
}
