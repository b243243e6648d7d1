/*
 * Access to a stopped thread: the call it is in, its registers (the only part that knows the architecture),
 * and the path its call works on. Paths are found the way the kernel would: text from the thread's memory,
 * directories from /proc/TID/fd and /proc/TID/cwd. Nothing is kept between calls.
 */
#include "inject_tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

int tracee_call(pid_t tid, struct __ptrace_syscall_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(*ret), ret) < 0)
		return -errno;
	return 0;
}

#if defined(__x86_64__)

static int poke_register(pid_t tid, size_t offset, uint64_t value)
{
	return ptrace(PTRACE_POKEUSER, tid, (void *)offset, (void *)value) < 0 ? -errno : 0;
}

int tracee_suppress(pid_t tid)
{
	return poke_register(tid, offsetof(struct user_regs_struct, orig_rax), UINT64_MAX);
}

int tracee_set_first_argument(pid_t tid, uint64_t value)
{
	return poke_register(tid, offsetof(struct user_regs_struct, rdi), value);
}

int tracee_restore_first_argument(pid_t tid, uint64_t value)
{
	return poke_register(tid, offsetof(struct user_regs_struct, rdi), value);
}

int tracee_set_result(pid_t tid, int64_t value)
{
	return poke_register(tid, offsetof(struct user_regs_struct, rax), (uint64_t)value);
}

#elif defined(__aarch64__)

static int set_x0(pid_t tid, uint64_t value)
{
	struct user_regs_struct regs;
	struct iovec iov = {.iov_base = &regs, .iov_len = sizeof(regs)};

	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0)
		return -errno;
	regs.regs[0] = value;
	return ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0 ? -errno : 0;
}

int tracee_suppress(pid_t tid)
{
	int nr = -1;
	struct iovec iov = {.iov_base = &nr, .iov_len = sizeof(nr)};

	return ptrace(PTRACE_SETREGSET, tid, (void *)NT_ARM_SYSTEM_CALL, &iov) < 0 ? -errno : 0;
}

int tracee_set_first_argument(pid_t tid, uint64_t value)
{
	return set_x0(tid, value);
}

int tracee_restore_first_argument(pid_t tid, uint64_t value)
{
	/* The result has taken the register's place. */
	(void)tid;
	(void)value;
	return 0;
}

int tracee_set_result(pid_t tid, int64_t value)
{
	return set_x0(tid, (uint64_t)value);
}

#else
#error "inject knows the registers of x86_64 and aarch64 only"
#endif

/* Reads a string of the thread's memory, page by page because the next page may not be there. */
static char *read_string(pid_t tid, uint64_t address)
{
	const size_t page = 4096;
	char *text = NULL;
	size_t used = 0;

	for (;;) {
		size_t want = page - (address + used) % page;
		char *grown = realloc(text, used + want + 1);
		if (!grown)
			break;
		text = grown;

		struct iovec local = {.iov_base = text + used, .iov_len = want};
		struct iovec remote = {.iov_base = (void *)(uintptr_t)(address + used), .iov_len = want};
		ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);
		if (n <= 0)
			break;
		if (memchr(text + used, '\0', (size_t)n))
			return text;
		used += (size_t)n;
		if (used > 64 * page)
			break;
	}
	free(text);
	return NULL;
}

/* readlink(2) of a file below /proc, of any length. */
static char *read_link(const char *path)
{
	for (size_t size = 256;; size *= 2) {
		char *text = malloc(size);
		if (!text)
			return NULL;
		ssize_t n = readlink(path, text, size);
		if (n >= 0 && (size_t)n < size) {
			text[n] = '\0';
			return text;
		}
		free(text);
		if (n < 0)
			return NULL;
	}
}

/* The path of a descriptor of the thread; AT_FDCWD is its working directory. */
static char *descriptor_path(pid_t tid, int fd)
{
	char *link = NULL;
	int n = fd == AT_FDCWD ? asprintf(&link, "/proc/%d/cwd", tid)
			       : asprintf(&link, "/proc/%d/fd/%d", tid, fd);

	if (n < 0)
		return NULL;
	char *path = read_link(link);
	free(link);
	return path;
}

/* Joins two texts that it owns and frees; NULL when either is missing. */
static char *join(char *left, const char *between, char *right)
{
	char *joined = NULL;

	if (left && right && asprintf(&joined, "%s%s%s", left, between, right) < 0)
		joined = NULL;
	free(left);
	free(right);
	return joined;
}

static char *path_below(pid_t tid, int dirfd, uint64_t address)
{
	char *name = address ? read_string(tid, address) : NULL;

	if (name && name[0] == '/')
		return name;
	if (!name || name[0] == '\0') {
		free(name);
		return descriptor_path(tid, dirfd);
	}
	if (strcmp(name, ".") == 0) {
		free(name);
		return descriptor_path(tid, dirfd);
	}
	return join(descriptor_path(tid, dirfd), "/", name);
}

char *tracee_target(pid_t tid, enum call_shape shape, const uint64_t args[6])
{
	switch (shape) {
	case SHAPE_NONE:
		return NULL;
	case SHAPE_FD:
		return descriptor_path(tid, (int)args[0]);
	case SHAPE_FD_NAME:
		return join(descriptor_path(tid, (int)args[0]), " ", read_string(tid, args[1]));
	case SHAPE_FD4:
		return (int)args[4] < 0 ? NULL : descriptor_path(tid, (int)args[4]);
	case SHAPE_PATH:
		return path_below(tid, AT_FDCWD, args[0]);
	case SHAPE_PATH_NAME:
		return join(path_below(tid, AT_FDCWD, args[0]), " ", read_string(tid, args[1]));
	case SHAPE_AT:
		return path_below(tid, (int)args[0], args[1]);
	case SHAPE_TO_AT:
		return path_below(tid, (int)args[1], args[2]);
	case SHAPE_RENAME:
		return join(path_below(tid, AT_FDCWD, args[0]), " -> ", path_below(tid, AT_FDCWD, args[1]));
	case SHAPE_RENAME_AT:
		return join(path_below(tid, (int)args[0], args[1]), " -> ",
			path_below(tid, (int)args[2], args[3]));
	}
	return NULL;
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "/proc/%d/%s", pid, name) < 0)
		return NULL;
	FILE *file = fopen(path, "re");
	free(path);
	return file;
}

/* Where the kernel loaded the program's interpreter (getauxval(3), AT_BASE); 0 without one. */
static uint64_t linker_base(pid_t pid)
{
	FILE *file = open_proc(pid, "auxv");
	uint64_t base = 0;
	Elf64_auxv_t entry;

	if (!file)
		return 0;
	while (fread(&entry, sizeof(entry), 1, file) == 1 && entry.a_type != AT_NULL)
		if (entry.a_type == AT_BASE)
			base = entry.a_un.a_val;
	fclose(file);
	return base;
}

/* One line of /proc/PID/maps (proc(5)): the addresses and the inode; false when it is none. */
static bool parse_map(const char *line, struct range *ret, unsigned long *ret_inode)
{
	unsigned long long start, end;
	unsigned long inode;

	if (sscanf(line, "%llx-%llx %*s %*s %*s %lu", &start, &end, &inode) != 3)
		return false;
	*ret = (struct range){start, end};
	*ret_inode = inode;
	return true;
}

struct range tracee_linker(pid_t pid)
{
	struct range linker = {0, 0};
	uint64_t base = linker_base(pid);
	FILE *maps = base ? open_proc(pid, "maps") : NULL;
	unsigned long linker_inode = 0;
	char *line = NULL;
	size_t size = 0;

	if (!maps)
		return linker;
	while (getline(&line, &size, maps) > 0) {
		struct range range;
		unsigned long inode;
		if (!parse_map(line, &range, &inode))
			continue;
		if (range.start == base) {
			linker = range;
			linker_inode = inode;
		} else if (linker_inode && inode == linker_inode && range.start == linker.end) {
			linker.end = range.end;
		}
	}
	free(line);
	fclose(maps);
	return linker;
}
