/* cgtree oci runtime: an OCI runtime with our work around its checkpoint and restore. Everything else becomes
 * the runtime itself.
 *
 * A restore needs this beside the hook for two things. On v2 runtimes do not tell CRIU the container's new
 * group, so that its tasks would go to the path of the dump: CRIU's cgroup.img must name the new one before
 * CRIU reads it, which is before any hook. And a v2 group with tasks in it, as the container's own has while
 * CRIU works, can pass no controllers on to those below. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "cli/oci.h"
#include "cli/oci_call.h"
#include "cli/oci_process.h"
#include "cli/source.h"
#include "image/criu.h"
#include "image/criu_move.h"

#define KEPT_NAME CG_CRIU_FILE_NAME ".oci" /* CRIU's own file, while ours stands in its place */

struct job {
	struct cli *cli;
	int argc;
	char **argv;
	struct oci_call call;
	int dirfd; /* of CRIU's images */
	struct cg_live live;
	struct cg_text group; /* the path that the runtime makes of the container's configuration */
	bool whole;
	bool moved; /* cgroup.img is ours */
};

static void job_free(struct job *j)
{
	(void)cg_close(j->dirfd);
	cg_live_close(&j->live);
	cg_text_free(&j->group);
}

/* The runtime with its global options, and another command for this container. */
static char **other_call(const struct job *j, char *const *word, size_t words)
{
	char **argv = calloc((size_t)j->call.at + words + 2, sizeof(*argv));
	size_t n = 0;

	if (!argv)
		return NULL;
	while (n < (size_t)j->call.at) {
		argv[n] = j->argv[n];
		n++;
	}
	for (size_t i = 0; i < words; i++)
		argv[n++] = word[i];
	argv[n] = j->call.id;
	return argv;
}

static int ask_state(const struct job *j, struct cg_oci_state *ret, struct cg_error **err)
{
	char state[] = "state", *words[] = {state};
	_cleanup_free_ char **argv = other_call(j, words, 1);
	_cleanup_text_ struct cg_text answer = {0};
	int r;

	if (!argv)
		return cg_error_oom(err);
	r = oci_ask(argv, CG_OCI_STATE_MAX, &answer, err);
	return r < 0 ? r : cg_oci_state_parse((struct cg_bytes){answer.data, answer.len}, ret, err);
}

static int open_folder(struct job *j, bool make, struct cg_error **err)
{
	int r;

	if (make && mkdir(j->call.image_path, 0700) < 0 && errno != EEXIST)
		r = cg_error_errno(err, errno, "cannot make the folder of the checkpoint");
	else {
		j->dirfd = open(j->call.image_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = j->dirfd < 0 ? cg_error_errno(err, errno, "cannot open the folder of the checkpoint") : 0;
	}
	cg_error_at(err, j->call.image_path, NULL);
	return r;
}

static int in_folder(const struct job *j, const char *name, struct cg_text *t, struct cg_error **err)
{
	cg_text_printf(t, "%s/%s", j->call.image_path, name);
	return t->failed ? cg_error_oom(err) : 0;
}

/* Checkpoint: the container's groups, as they are before CRIU stops its tasks. */
static int dump_places(
	const struct job *j, struct oci_places *places, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_free_ struct cg_target *target = calloc(places->count, sizeof(*target));
	struct cg_dump_options options = {.target = target,
		.targets = places->count,
		.members = true,
		.no_programs = true,
		.stop = cli_catch_signals()};

	if (!target)
		return cg_error_oom(err);
	for (size_t i = 0; i < places->count; i++) {
		target[i].hierarchy = cg_arena_string(&places->arena, places->root[i].hierarchy);
		target[i].path = cg_arena_string(&places->arena, places->root[i].path);
		if (!target[i].hierarchy || !target[i].path)
			return cg_error_oom(err);
	}
	return cg_dump(&j->live, &options, ret, err);
}

static int write_image(const struct job *j, const struct cg_tree *tree, struct cg_error **err)
{
	_cleanup_text_ struct cg_text path = {0};
	int r = in_folder(j, CG_CHECKPOINT_IMAGE, &path, err);

	return r < 0 ? r : cli_write_image(path.data, tree, CG_COMPRESS_NONE, NULL, err);
}

static int before_checkpoint(struct job *j, struct cg_error **err)
{
	_cleanup_oci_state_ struct cg_oci_state state = {0};
	_cleanup_places_ struct oci_places places = {0};
	_cleanup_tree_ struct cg_tree *tree = NULL;
	int r = ask_state(j, &state, err);

	if (r == 0 && !state.pid)
		r = cg_error_make(err, CG_FAULT_SYSTEM, ESRCH, "the container %s does not run", state.id);
	r = r < 0 ? r : oci_bundle_group(state.bundle, state.id, &j->group, &j->whole, err);
	r = r < 0 ? r : cg_live_open(&j->live, err);
	r = r < 0 ? r : oci_places_find(&j->live, state.pid, j->group.data, &places, err);
	r = r < 0 ? r : dump_places(j, &places, &tree, err);
	r = r < 0 ? r : open_folder(j, true, err);
	r = r < 0 ? r : write_image(j, tree, err);
	for (uint32_t i = 0; r == 0 && i < tree->notes; i++) {
		_cleanup_text_ struct cg_text t = {0};

		cli_note_text(&tree->note[i], &t);
		if (t.data)
			cli_warn_line(j->cli, t.data);
	}
	return r;
}

static int checkpoint(struct job *j, int *ret_status, struct cg_error **err)
{
	int r = before_checkpoint(j, err);

	r = r < 0 ? r : oci_run(j->argv, ret_status, err);
	/* An image beside a checkpoint that failed would be taken for one. */
	if (j->dirfd >= 0 && (r < 0 || *ret_status != 0))
		(void)unlinkat(j->dirfd, CG_CHECKPOINT_IMAGE, 0);
	return r;
}

/* Restore. *ret stays NULL when the checkpoint was made without us. */
static int read_our_image(const struct job *j, struct cg_tree **ret, struct cg_error **err)
{
	_cleanup_close_ int fd =
		openat(j->dirfd, CG_CHECKPOINT_IMAGE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	_cleanup_text_ struct cg_text path = {0};
	int r = in_folder(j, CG_CHECKPOINT_IMAGE, &path, err);

	if (r < 0 || (fd < 0 && errno == ENOENT))
		return r;
	r = fd < 0 ? cg_error_errno(err, errno, "cannot open the image")
		   : cg_image_read(fd, CG_IMAGE_MEMORY_DEFAULT, ret, NULL, err);
	cg_error_at(err, path.data, NULL);
	return r;
}

/* CRIU's own file: that which an earlier restore, killed on its way, has left aside, or what is there.
 * -ENOENT without an error: there is none, which CRIU does not mind. */
static int read_criu_file(const struct job *j, struct cg_text *ret, struct cg_error **err)
{
	static const char *const names[] = {KEPT_NAME, CG_CRIU_FILE_NAME};
	_cleanup_close_ int fd = -1;

	for (size_t i = 0; fd < 0 && i < CG_ARRAY_SIZE(names); i++) {
		fd = openat(j->dirfd, names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
		if (fd < 0 && errno != ENOENT)
			return cg_error_errno(err, errno, "cannot open %s", names[i]);
	}
	return fd < 0 ? -ENOENT : cg_criu_read_whole(fd, ret, err);
}

/* The v2 group that the checkpoint was taken of. */
static int old_group(
	const struct cg_tree *image, struct cg_bytes file, struct cg_text *t, struct cg_error **err)
{
	for (uint16_t i = 0; image && i < image->hierarchies; i++) {
		uint32_t top = image->hierarchy[i].first_top;

		if (image->hierarchy[i].version != 2 || top == CG_NONE)
			continue;
		cg_text_adds(t, image->group[top].name);
		return t->failed ? cg_error_oom(err) : 0;
	}
	return cg_criu_namespace_root(file, t, err);
}

/* The v2 group that the container will have: a path that is not whole goes beside the runtime's own group, as
 * runc does it. */
static int new_group(const struct job *j, struct cg_text *t, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships m = {0};
	int r = j->whole ? 0 : cg_live_of_pid(getpid(), &m, err);

	for (size_t i = 0; r == 0 && i < m.count; i++)
		if (!m.item[i].name && !m.item[i].controllers[0])
			cg_text_add(
				t, m.item[i].path, (size_t)(strrchr(m.item[i].path, '/') - m.item[i].path));
	if (r == 0)
		cg_text_add(t, j->group.data, j->group.len);
	return r == 0 && t->failed ? cg_error_oom(err) : r;
}

static int put_in_place(struct job *j, const struct cg_text *file, struct cg_error **err)
{
	_cleanup_output_ struct cli_output output = CLI_OUTPUT_INIT;
	_cleanup_text_ struct cg_text path = {0};
	int r = in_folder(j, CG_CRIU_FILE_NAME, &path, err);

	if (r == 0 && linkat(j->dirfd, CG_CRIU_FILE_NAME, j->dirfd, KEPT_NAME, 0) < 0 && errno != EEXIST &&
		(errno == ENOENT || renameat(j->dirfd, CG_CRIU_FILE_NAME, j->dirfd, KEPT_NAME) < 0) &&
		errno != ENOENT)
		r = cg_error_errno(err, errno, "cannot keep CRIU's own file as %s", KEPT_NAME);
	if (r == 0)
		j->moved = true;
	r = r < 0 ? r : cli_output_open(&output, path.data, err);
	r = r < 0 ? r : cli_output_write(&output, file->data, file->len, err);
	r = r < 0 ? r : cli_output_commit(&output, err);
	cg_error_at(err, j->call.image_path, NULL);
	return r;
}

/* CRIU's own file again, whatever has happened. */
static void take_out_of_place(struct job *j)
{
	if (!j->moved || renameat(j->dirfd, KEPT_NAME, j->dirfd, CG_CRIU_FILE_NAME) == 0)
		return;
	/* Podman removes the folder when the restore has worked. */
	if (errno != ENOENT)
		cli_say(j->cli, "cgtree: oci: %s/%s: CRIU's own file stays under this name: %s",
			j->call.image_path, KEPT_NAME, strerror(errno));
}

static int tell_criu(struct job *j, const struct cg_tree *image, struct cg_error **err)
{
	_cleanup_text_ struct cg_text file = {0}, from = {0}, to = {0}, moved = {0};
	size_t places = 0;
	int r;

	/* On v1 runtimes tell it themselves. */
	if (j->live.count != 1 || j->live.item[0].version != 2)
		return 0;
	r = read_criu_file(j, &file, err);
	if (r == -ENOENT && (!err || !*err))
		return 0;
	r = r < 0 ? r : old_group(image, (struct cg_bytes){file.data, file.len}, &from, err);
	r = r < 0 ? r : new_group(j, &to, err);
	if (r == 0 && (!from.len || strcmp(from.data, to.data) == 0))
		return 0;
	r = r < 0 ? r
		  : cg_criu_move(
			    (struct cg_bytes){file.data, file.len}, from.data, to.data, &moved, &places, err);
	cg_error_at(err, j->call.image_path, CG_CRIU_FILE_NAME);
	return r < 0 || !places ? r : put_in_place(j, &moved, err);
}

static int before_restore(struct job *j, struct cg_tree **ret, struct cg_error **err)
{
	int r = open_folder(j, false, err);

	r = r < 0 ? r : oci_bundle_group(j->call.bundle, j->call.id, &j->group, &j->whole, err);
	r = r < 0 ? r : cg_live_open(&j->live, err);
	r = r < 0 ? r : read_our_image(j, ret, err);
	return r < 0 ? r : tell_criu(j, *ret, err);
}

/* The tasks are in their groups, and the container runs. */
static int after_restore(struct job *j, struct cg_tree *image, struct cg_error **err)
{
	_cleanup_oci_state_ struct cg_oci_state state = {0};
	_cleanup_places_ struct oci_places places = {0};
	_cleanup_result_ struct oci_result res = {0};
	struct cg_bytes rest, line;
	bool later = false;
	int r = ask_state(j, &state, err);

	if (r == 0 && !state.pid)
		return 0; /* it has ended by itself: nothing is left to limit */
	r = r < 0 ? r : oci_places_find(&j->live, state.pid, j->group.data, &places, err);
	r = r < 0 ? r : oci_bring(&j->live, image, &places, false, &res, &later, err);
	rest = (struct cg_bytes){res.lines.data, res.lines.len};
	while (cg_bytes_split(&rest, '\n', &line)) {
		_cleanup_text_ struct cg_text t = {0};

		if (line.len < 2 || line.data[0] != '!')
			continue;
		cg_text_add(&t, line.data + 2, line.len - 2);
		if (t.data)
			cli_warn_line(j->cli, t.data);
	}
	oci_log(j->dirfd, "runtime", &state, &res, later, r < 0 && err ? *err : NULL);
	return r;
}

/* Without its limits it must not go on. */
static void remove_container(const struct job *j)
{
	char delete[] = "delete", force[] = "--force", *words[] = {delete, force};
	_cleanup_free_ char **argv = other_call(j, words, 2);
	_cleanup_error_ struct cg_error *err = NULL;
	int status = 0;

	if (argv && oci_run(argv, &status, &err) == 0 && status == 0)
		cli_say(j->cli, "cgtree: oci: the container %s was deleted again", j->call.id);
	else
		cli_say(j->cli,
			"cgtree: oci: the container %s could not be deleted again: it runs without its limits",
			j->call.id);
}

static int restore(struct job *j, int *ret_status, struct cg_error **err)
{
	_cleanup_tree_ struct cg_tree *image = NULL;
	int r = before_restore(j, &image, err);

	if (r == 0 && image && !j->call.detach)
		cli_warn_line(j->cli,
			"without --detach only the hook brings the image to the container's groups, if it is installed");
	r = r < 0 ? r : oci_run(j->argv, ret_status, err);
	take_out_of_place(j);
	if (r < 0 || *ret_status != 0 || !image || !j->call.detach)
		return r;
	r = after_restore(j, image, err);
	if (r < 0)
		remove_container(j);
	return r;
}

int oci_runtime(struct cli *cli, int argc, char **argv)
{
	_cleanup_(job_free) struct job j = {
		.cli = cli, .argc = argc, .argv = argv, .call = oci_call_parse(argc, argv), .dirfd = -1};
	_cleanup_error_ struct cg_error *err = NULL;
	int status = OCI_EXIT_OURS, r;

	if (j.call.command == OCI_OTHER) {
		status = oci_become(argv, &err);
		(void)cli_fail_text(cli, err);
		return status;
	}
	r = j.call.command == OCI_CHECKPOINT ? checkpoint(&j, &status, &err) : restore(&j, &status, &err);
	if (r == 0)
		return status;
	(void)cli_fail_text(cli, err);
	return status == 0 ? OCI_EXIT_OURS : status;
}
