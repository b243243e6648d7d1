/* cgtree oci hook: what an OCI runtime calls while it makes or restores a container, with the container's
 * state on stdin. On a restore the first process exists, blocked, in the group that the runtime made, and no
 * memory has come back: the time to bring the image to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "cli/oci.h"
#include "image/image.h"

#define CRIU_INVENTORY "inventory.img"

/* The image that belongs to this call. */
struct found {
	int dirfd;  /* the folder of CRIU's images, -1: the image was named by a path */
	char *path; /* of the image, for people; NULL: there is none */
};

static void found_close(struct found *f)
{
	free(f->path);
	(void)cg_close(f->dirfd);
}
#define _cleanup_found_ _cleanup_(found_close)

static int read_state(struct cg_oci_state *ret, struct cg_error **err)
{
	_cleanup_text_ struct cg_text t = {0};
	char part[16384];

	for (;;) {
		ssize_t n = read(STDIN_FILENO, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cg_error_errno(err, errno, "cannot read the container's state from stdin");
		if (n == 0)
			break;
		cg_text_add(&t, part, (size_t)n);
		if (t.failed)
			return cg_error_oom(err);
		if (t.len > CG_OCI_STATE_MAX)
			break; /* the parser says so */
	}
	return cg_oci_state_parse((struct cg_bytes){t.data, t.len}, ret, err);
}

static bool has_file(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* One descriptor of the runtime: a folder of CRIU's with an image of ours? 1 ends the search. */
static int look_at_descriptor(int fds, const char *name, struct found *f)
{
	_cleanup_close_ int dirfd = openat(fds, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_text_ struct cg_text path = {0};
	char folder[4096];
	ssize_t n;

	if (dirfd < 0 || !has_file(dirfd, CRIU_INVENTORY) || !has_file(dirfd, CG_CHECKPOINT_IMAGE))
		return 0;
	n = readlinkat(fds, name, folder, sizeof(folder));
	if (n < 0)
		return -errno;
	cg_text_add(&path, folder, (size_t)n);
	cg_text_adds(&path, "/" CG_CHECKPOINT_IMAGE);
	f->dirfd = cg_steal_fd(&dirfd);
	n = cg_text_take(&path, &f->path);
	return n < 0 ? (int)n : 1;
}

struct search {
	int fds;
	struct found *found;
};

static int each_descriptor(const char *name, unsigned char type, void *context)
{
	struct search *s = context;

	(void)type;
	return look_at_descriptor(s->fds, name, s->found);
}

/* A runtime that restores a container has the folder of CRIU's images open, which it hands to criu; one that
 * makes a container has not. That tells the two apart, and where the image is, without knowing any runtime's
 * command line. */
static int find_beside_criu(pid_t runtime, struct found *f, struct cg_error **err)
{
	_cleanup_close_ int fds = -1;
	struct search s = {.found = f};
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)runtime);
	fds = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0)
		return cg_error_errno(
			err, errno, "cannot see which folder the runtime restores from, in %s", path);
	s.fds = fds;
	r = cg_dir_each(fds, each_descriptor, &s);
	if (r < 0)
		return cg_error_errno(
			err, -r, "cannot see which folder the runtime restores from, in %s", path);
	return 0;
}

static int find_image(
	const char *named, const struct cg_oci_state *state, struct found *f, struct cg_error **err)
{
	if (!named)
		named = state->image;
	if (!named)
		return find_beside_criu(getppid(), f, err);
	f->path = strdup(named);
	return f->path ? 0 : cg_error_oom(err);
}

static int read_image(const struct found *f, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_close_ int fd =
		f->dirfd < 0 ? open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
			     : openat(f->dirfd, CG_CHECKPOINT_IMAGE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? cg_error_errno(err, errno, "cannot open the image")
		       : cg_image_read(fd, CG_IMAGE_MEMORY_DEFAULT, ret, NULL, err);

	cg_error_at(err, f->path, NULL);
	return r;
}

static int bring(const struct found *f, const struct cg_oci_state *state, struct oci_result *res,
	bool *ret_later, struct cg_error **err)
{
	_cleanup_places_ struct oci_places places = {0};
	_cleanup_tree_ struct cg_tree *image = NULL;
	_cleanup_text_ struct cg_text group = {0};
	_cleanup_live_ struct cg_live live = {0};
	bool whole;
	int r = read_image(f, &image, err);

	r = r < 0 ? r : oci_bundle_group(state->bundle, state->id, &group, &whole, err);
	r = r < 0 ? r : cg_live_open(&live, err);
	r = r < 0 ? r : oci_places_find(&live, state->pid, group.data, &places, err);
	return r < 0 ? r : oci_bring(&live, image, &places, true, res, ret_later, err);
}

int oci_hook(struct cli *cli, const char *named, bool strict)
{
	_cleanup_oci_state_ struct cg_oci_state state = {0};
	_cleanup_found_ struct found found = {-1, NULL};
	_cleanup_result_ struct oci_result res = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	bool later = false;
	int r = read_state(&state, &err);

	/* Without a process there is no group to look at: createRuntime before it, or poststop. */
	if (r == 0 && state.pid)
		r = find_image(named, &state, &found, &err);
	if (r < 0)
		return cli_fail(cli, err);
	if (!found.path)
		return CLI_EXIT_OK;
	r = bring(&found, &state, &res, &later, &err);
	if (r == 0 && strict && !later && res.outcome == CG_OUTCOME_DIFFERS) {
		r = cg_error_make(&err, CG_FAULT_SYSTEM, EIO,
			"%zu things differ from the image or were skipped", res.counts.differs);
		cg_error_at(&err, found.path, NULL);
	}
	oci_log(found.dirfd, "hook", &state, &res, later, err);
	if (r == 0)
		return CLI_EXIT_OK;
	if (res.lines.data)
		(void)fputs(res.lines.data, stderr);
	return cli_fail(cli, err);
}
