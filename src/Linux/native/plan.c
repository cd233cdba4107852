/*
 * What a child does between clone3 and execve: it walks a flat list of system calls that C# compiled (Plan.cs).
 * No managed code may run there, and no libc: after the clone of a process with many threads any lock may be held for
 * ever. So this file makes raw system calls only, allocates nothing, and needs no symbol from elsewhere.
 * The structures are those of Interop/Native.cs.
 */
#include <asm/unistd.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <stdint.h>

enum op { OP_CALL, OP_LEAVE, OP_STOP, OP_CLONE, OP_SIGNALS_DEFAULT, OP_PAUSE };
enum kind { KIND_STOPPED = 1, KIND_FAILED, KIND_CLONED, KIND_LEAVING };

struct step {
	uint16_t op;
	uint16_t number;
	uint16_t from; /* bit i: args[i] is the index of an earlier step, whose result is meant */
	uint16_t accepted[5]; /* error numbers that are fine; 0 is unused */
	uint64_t unless; /* 1 + the index of an earlier step: if that has succeeded, this one is skipped */
	int64_t args[6];
};

struct launch {
	const struct step *steps;
	int64_t *results; /* the child's own copy: the clone has no CLONE_VM */
	const int32_t *keep; /* descriptors from 3 on that the plan uses, ascending; the pipes are among them */
	uint32_t step_count;
	uint32_t keep_count;
	int32_t status;
	int32_t go;
	int64_t rseq_offset; /* from the thread pointer to the area that glibc registered with rseq(2) */
	uint32_t rseq_length; /* 0: none */
};

#define EINTR 4
#define ETIMEDOUT 110
#define ECANCELED 125
#define ERROR_MAX 4095
#define SIGCHLD 17
#define SIG_IGN 1
#define SIG_SETMASK 2
#define SIGNAL_COUNT 64
#define SIGSET_SIZE 8
#define POLLIN 1
#define PAGE 4096UL
#define TASK_SIZE 0x7ffffffff000UL
#define RSEQ_FLAG_UNREGISTER 1
#define RSEQ_SIG 0x53053053 /* glibc's, sys/rseq.h */

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define call(number, a, b, c, d) call6((number), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static __attribute__((noreturn)) void leave(int code)
{
	for (;;)
		call(__NR_exit_group, code, 0, 0, 0);
}

static void report(const struct launch *l, enum kind kind, uint32_t index, long value)
{
	/* Shorter than PIPE_BUF, so it arrives whole. A parent that is gone needs no report. */
	const int32_t message[3] = { kind, (int32_t)index, (int32_t)value };

	call(__NR_write, l->status, message, sizeof(message), 0);
}

/* A child must not hold what belongs to another: the ends of other launches' pipes, files of a volume. */
static void keep_only(const struct launch *l)
{
	uint32_t next = 3;

	for (uint32_t i = 0; i < l->keep_count; i++) {
		uint32_t kept = (uint32_t)l->keep[i];

		if (kept > next)
			call(__NR_close_range, next, kept - 1, 0, 0);
		if (kept >= next)
			next = kept + 1;
	}
	call(__NR_close_range, next, ~0U, 0, 0);
}

/* Waits for a byte on the go pipe. A parent that died has closed it: nobody is left to report to. */
static long wait_for_go(const struct launch *l, long milliseconds)
{
	struct { int32_t fd; int16_t events, revents; } poll = { l->go, POLLIN, 0 };
	/* ppoll counts it down, so that a signal does not lengthen the wait. */
	long timeout[2] = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
	char byte;
	long ready;

	do
		ready = call(__NR_ppoll, &poll, 1, timeout, 0);
	while (ready == -EINTR);
	if (ready == 0)
		return -ETIMEDOUT;
	if (ready < 0)
		return ready;
	if (call(__NR_read, l->go, &byte, 1, 0) != 1)
		leave(127);
	return 0;
}

static long set_handler(int signal, long handler)
{
	const long action[4] = { handler, 0, 0, 0 }; /* struct kernel_sigaction: handler, flags, restorer, mask */

	return call(__NR_rt_sigaction, signal, action, 0, SIGSET_SIZE);
}

/* Ignored signals survive both CLONE_CLEAR_SIGHAND and execve, and .NET ignores SIGPIPE. */
static long signals_default(void)
{
	const uint64_t none = 0;

	for (int signal = 1; signal <= SIGNAL_COUNT; signal++)
		set_handler(signal, 0); /* EINVAL for SIGKILL and SIGSTOP */
	return call(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, SIGSET_SIZE);
}

/*
 * A process that wants a PID namespace inside a user namespace must first have joined the latter, so it takes a second
 * clone. CLONE_PARENT (in the arguments) makes the new process a child of the launching one. The intermediate reports the
 * pid, which its and the launcher's PID namespace share, and ends; the new process waits until the launcher has a pidfd.
 */
static long second_clone(const struct launch *l, uint32_t index, long clone_args, long milliseconds)
{
	long pid = call(__NR_clone3, clone_args, sizeof(struct clone_args), 0, 0);

	if (pid > 0) {
		report(l, KIND_CLONED, index, pid);
		leave(0);
	}
	return pid == 0 ? wait_for_go(l, milliseconds) : pid;
}

/*
 * The kernel writes into the area of rseq(2) whenever the process comes back from another task, and kills a process that has
 * no such memory any more.
 */
static long leave_rseq(const struct launch *l)
{
	unsigned long thread_pointer;

	if (l->rseq_length == 0)
		return 0;
	__asm__("mov %%fs:0, %0" : "=r"(thread_pointer));
	return call(__NR_rseq, thread_pointer + l->rseq_offset, l->rseq_length, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/*
 * PID 1 of a pod. An ignored SIGCHLD makes the kernel reap, so there is nothing to do but to exist. Everything is given
 * back except this code and the stack: what the launcher had in memory is nobody's business inside the pod. When the status
 * pipe ends all that is done. Constants would lie in memory that has gone, hence volatile.
 */
static __attribute__((noinline)) long pause_forever(const struct launch *l, uint32_t index)
{
	unsigned long code = (unsigned long)&pause_forever & ~(PAGE - 1);
	unsigned long stack = (unsigned long)__builtin_frame_address(0) & ~(PAGE - 1);
	volatile int32_t message[3], status = l->status;
	unsigned long low = code < stack ? code : stack, high = code < stack ? stack : code;
	long error = leave_rseq(l);

	if (error < 0)
		return error;
	message[0] = KIND_LEAVING;
	message[1] = (int32_t)index;
	message[2] = 0;
	set_handler(SIGCHLD, SIG_IGN);
	call(__NR_munmap, 0, low - PAGE, 0, 0);
	call(__NR_munmap, low + 2 * PAGE, high - PAGE - (low + 2 * PAGE), 0, 0);
	call(__NR_munmap, high + 2 * PAGE, TASK_SIZE - (high + 2 * PAGE), 0, 0);
	call(__NR_write, status, message, sizeof(message), 0);
	call(__NR_close_range, 0, ~0U, 0, 0);
	for (;;)
		call(__NR_pause, 0, 0, 0, 0);
}

static long execute(const struct launch *l, uint32_t index, const struct step *s, const long *a)
{
	long result;

	switch (s->op) {
	case OP_STOP:
		report(l, KIND_STOPPED, index, 0);
		return wait_for_go(l, a[0]);
	case OP_CLONE:
		return second_clone(l, index, a[0], a[1]);
	case OP_SIGNALS_DEFAULT:
		return signals_default();
	case OP_PAUSE:
		return pause_forever(l, index);
	case OP_LEAVE:
		report(l, KIND_LEAVING, index, 0);
		break;
	}
	do
		result = call6(s->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	while (result == -EINTR);
	return result;
}

static int is_accepted(const struct step *s, long error)
{
	for (int i = 0; i < 5; i++)
		if (s->accepted[i] == error)
			return 1;
	return 0;
}

static __attribute__((noreturn)) void run(const struct launch *l)
{
	keep_only(l);
	for (uint32_t i = 0; i < l->step_count; i++) {
		const struct step *s = &l->steps[i];
		long args[6], missing = 0;

		for (int j = 0; j < 6; j++) {
			args[j] = s->args[j];
			if (s->from & (1 << j)) {
				args[j] = l->results[args[j]];
				if (args[j] < 0)
					missing = args[j];
			}
		}
		if (s->unless && l->results[s->unless - 1] >= 0)
			missing = -ECANCELED;
		/* What builds on an accepted failure is skipped, and has failed in the same way. */
		l->results[i] = missing ? missing : execute(l, i, s, args);
		if (!missing && l->results[i] < 0 && l->results[i] >= -ERROR_MAX && !is_accepted(s, -l->results[i])) {
			report(l, KIND_FAILED, i, -l->results[i]);
			leave(127);
		}
	}
	leave(127);
}

/* Returns the child's pid, or a negative error number; in the child it does not return. */
__attribute__((visibility("default"))) long crisp_plan_launch(const struct launch *l, struct clone_args *args)
{
	const uint64_t all = ~0UL;
	uint64_t before;
	long pid;

	/* A handler of the parent must not run in the child before CLONE_CLEAR_SIGHAND has had its effect on what is pending. */
	call(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGSET_SIZE);
	pid = call(__NR_clone3, args, sizeof(*args), 0, 0);
	if (pid == 0)
		run(l);
	call(__NR_rt_sigprocmask, SIG_SETMASK, &before, 0, SIGSET_SIZE);
	return pid;
}

/*
 * sys/rseq.h of glibc 2.35 and later: where each thread's area of rseq(2) lies, from its thread pointer, and its size. Answers 0 in
 * a program that is not linked with the C library itself: to name these there would make such a glibc its least one.
 */
#ifdef STATIC_LIBC
extern const __PTRDIFF_TYPE__ __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
#endif
__attribute__((visibility("default"))) int crisp_plan_rseq(int64_t *offset, uint32_t *size)
{
#ifdef STATIC_LIBC
	*offset = &__rseq_offset ? __rseq_offset : 0;
	*size = &__rseq_size ? __rseq_size : 0;
	return 1;
#else
	*offset = *size = 0;
	return 0;
#endif
}
