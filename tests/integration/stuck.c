/* A process that no freezer can stop: it waits in the kernel, heedless of signals but SIGKILL, for a page of
 * its own that nobody will bring (userfaultfd). Prints "stuck" first. Exit status 77 where that is not to be
 * had. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec to = {.iov_len = 1}, from = {page, 1};
	char byte;

	to.iov_base = &byte;
	area.range.start = (unsigned long)page;
	area.range.len = 4096;
	if (fd < 0 || page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) < 0 ||
		ioctl(fd, UFFDIO_REGISTER, &area) < 0)
		return 77;
	if (puts("stuck") < 0 || fflush(stdout) != 0)
		return 1;
	(void)!process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	return 1;
}
