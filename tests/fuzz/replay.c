/* Stands in for libFuzzer where there is no clang: runs the target over every file of the corpus folders
 * named and over a few thousand mutations of each, the same ones every time. A crash or a sanitizer's finding
 * ends the program, which is the finding. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUTATIONS 3000
#define LONGEST   ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t step(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Each input lies in a block of exactly its size, so that a read past its end is found. */
static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = calloc(size ? size : 1, 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void mutate(const uint8_t *data, size_t size, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
	uint8_t *copy = calloc(size + 16, 1);
	unsigned changes = 1 + (unsigned)(step(&state) % 4);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	while (changes-- && size) {
		size_t at = step(&state) % size;

		switch (step(&state) % 5) {
		case 0:
			copy[at] ^= (uint8_t)(1u << (step(&state) % 8));
			break;
		case 1:
			copy[at] = (uint8_t)step(&state);
			break;
		case 2:
			size = at;
			break;
		case 3:
			memmove(copy + at, copy + at + 1, size - at - 1);
			size--;
			break;
		default:
			copy[at] = (uint8_t) "0\n -,:/\xff"[step(&state) % 8];
		}
	}
	run_copy(copy, size);
	free(copy);
}

static unsigned replay_file(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *data;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > LONGEST) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	data = malloc((size_t)st.st_size + 1);
	n = data ? read(fd, data, (size_t)st.st_size) : -1;
	(void)close(fd);
	if (n < 0)
		abort();
	run_copy(data, (size_t)n);
	for (uint64_t i = 0; i < (n > 65536 ? MUTATIONS / 30 : MUTATIONS); i++)
		mutate(data, (size_t)n, i);
	free(data);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned files = 0;

	run_copy((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;

		if (!d) {
			perror(argv[i]);
			return 1;
		}
		while ((e = readdir(d)))
			files += replay_file(dirfd(d), e->d_name);
		(void)closedir(d);
	}
	if (files == 0) {
		(void)fprintf(stderr, "no corpus file was found: nothing was tried\n");
		return 1;
	}
	(void)printf("%u corpus files, %d mutations of each: no finding\n", files, MUTATIONS);
	return 0;
}
