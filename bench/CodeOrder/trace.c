/*
 * Stands in for a program, becomes it, and writes down which of its functions run: code-order.sh builds it with
 *   PROGRAM    the path of the program, at a fixed address (no PIE)
 *   FUNCTIONS  the path of a list of addresses in it, one decimal number in each line
 *   OUTPUT     where the addresses of those that ran go, in a file OUTPUT-PID
 * A child of the process traces it (ptrace(2)). Each function begins with a breakpoint, which goes when it is hit, so a program
 * is slow only for a moment. Whatever the program starts runs untraced from its execve on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BREAKPOINT = 0xCC };

/* One for each byte from the first to the last function. */
static unsigned long first, end;
static unsigned char *code;
static char *begins, *ran;

static void check(int failed, const char *what)
{
	if (failed) {
		fprintf(stderr, "trace: %s: %s\n", what, strerror(errno));
		_exit(1);
	}
}

static void read_functions(void)
{
	FILE *list = fopen(FUNCTIONS, "r");
	check(list == NULL, FUNCTIONS);
	unsigned long address;
	for (first = ~0UL; fscanf(list, "%lu", &address) == 1; end = address >= end ? address + 1 : end)
		first = address < first ? address : first;
	check(end <= first, "no functions");
	code = malloc(end - first);
	begins = calloc(end - first, 1);
	ran = calloc(end - first, 1);
	check(!code || !begins || !ran, "memory");
	rewind(list);
	while (fscanf(list, "%lu", &address) == 1)
		begins[address - first] = 1;
	fclose(list);
}

static int open_memory(pid_t thread)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", thread);
	int memory = open(path, O_RDWR | O_CLOEXEC);
	check(memory < 0, path);
	return memory;
}

static void set_breakpoints(pid_t process)
{
	size_t length = end - first;
	int memory = open_memory(process);
	check(pread(memory, code, length, first) != (ssize_t)length, "reading the program");
	unsigned char *changed = malloc(length);
	check(!changed, "memory");
	for (size_t i = 0; i < length; i++)
		changed[i] = begins[i] ? BREAKPOINT : code[i];
	check(pwrite(memory, changed, length, first) != (ssize_t)length, "writing the program");
	free(changed);
	close(memory);
}

/* A thread that stopped at a breakpoint goes on at the instruction that belongs there. A forked child has a copy of them all. */
static int at_function(pid_t thread, FILE *output)
{
	struct user_regs_struct registers;
	check(ptrace(PTRACE_GETREGS, thread, 0, &registers), "PTRACE_GETREGS");
	unsigned long address = registers.rip - 1;
	if (address < first || address >= end || !begins[address - first])
		return 0;
	int memory = open_memory(thread);
	check(pwrite(memory, code + (address - first), 1, address) != 1, "removing a breakpoint");
	close(memory);
	registers.rip = address;
	check(ptrace(PTRACE_SETREGS, thread, 0, &registers), "PTRACE_SETREGS");
	if (!ran[address - first])
		fprintf(output, "%lu\n", address);
	ran[address - first] = 1;
	return 1;
}

static void trace(pid_t program, FILE *output)
{
	int status, begun = 0;
	for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0;) {
		if (!WIFSTOPPED(status)) {
			if (thread == program)
				return;
			continue;
		}
		int event = status >> 16, signal = WSTOPSIG(status);
		if (event == PTRACE_EVENT_EXEC && begun) {
			ptrace(PTRACE_DETACH, thread, 0, 0);
			continue;
		}
		if (event == PTRACE_EVENT_EXEC) {
			begun = 1;
			set_breakpoints(program);
		}
		int ours = event != 0 || (signal == SIGTRAP && at_function(thread, output));
		ptrace(PTRACE_CONT, thread, 0, ours ? 0 : signal);
	}
}

int main(int, char **argv)
{
	int ready[2];
	char nothing, name[256];
	pid_t program = getpid();
	check(pipe2(ready, O_CLOEXEC), "pipe2");
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (fork() != 0) {
		close(ready[1]);
		check(read(ready[0], &nothing, 1) != 0, "the tracer");
		execv(PROGRAM, argv);
		check(1, PROGRAM);
	}
	setsid();
	close_range(3, ready[1] - 1, 0);
	close_range(ready[1] + 1, ~0U, 0);
	snprintf(name, sizeof(name), "%s-%d", OUTPUT, program);
	FILE *output = fopen(name, "we");
	check(output == NULL, name);
	setvbuf(output, NULL, _IOLBF, 0);
	read_functions();
	long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
	check(ptrace(PTRACE_SEIZE, program, 0, options), "PTRACE_SEIZE");
	close(ready[1]);
	trace(program, output);
	return 0;
}
