/* A container's groups, and images brought to them. See oci.h. */
#include "cli/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fdio.h"
#include "cli/restore_options.h"
#include "model/tree.h"

void oci_places_free(struct oci_places *p)
{
	cg_arena_free(&p->arena);
	*p = (struct oci_places){0};
}

void oci_result_free(struct oci_result *r)
{
	cg_text_free(&r->lines);
}

/* How an option names the hierarchy that a line of /proc/PID/cgroup is about. */
static const char *label_of(struct cg_arena *a, const struct cg_membership *m)
{
	_cleanup_text_ struct cg_text t = {0};

	if (!m->name)
		return cg_arena_string(a, m->controllers);
	cg_text_printf(&t, "name=%s", m->name);
	return t.failed ? NULL : cg_arena_string(a, t.data);
}

static int add_place(const struct cg_live *live, const struct cg_membership *m, const char *group,
	struct oci_places *p, struct cg_error **err)
{
	size_t own = cg_oci_own_length(m->path, group);
	struct cg_root *root = &p->root[p->count];
	bool found = false;

	if (!own)
		return 0;
	root->hierarchy = label_of(&p->arena, m);
	root->path = cg_arena_copy(&p->arena, m->path, own);
	if (!root->hierarchy || !root->path)
		return cg_error_oom(err);
	for (size_t i = 0; i < live->count; i++)
		found |= cg_live_matches(&live->item[i], root->hierarchy);
	p->count += found;
	return 0;
}

int oci_places_find(
	const struct cg_live *live, int pid, const char *group, struct oci_places *ret, struct cg_error **err)
{
	_cleanup_memberships_ struct cg_memberships m = {0};
	_cleanup_places_ struct oci_places p = {0};
	int r = cg_live_of_pid(pid, &m, err);

	if (r < 0)
		return r;
	p.root = cg_arena_array(&p.arena, m.count ? m.count : 1, sizeof(*p.root));
	if (!p.root)
		return cg_error_oom(err);
	for (size_t i = 0; r == 0 && i < m.count; i++)
		r = add_place(live, &m.item[i], group, &p, err);
	if (r == 0 && !p.count) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT,
			"process %d is in no group %s, which its container's configuration asks for", pid,
			group);
		cg_error_hint(
			err, "give the container a group of its own: linux.cgroupsPath in its config.json");
	}
	if (r == 0) {
		*ret = p;
		p = (struct oci_places){0};
	}
	return r;
}

int oci_bundle_group(
	const char *bundle, const char *id, struct cg_text *t, bool *ret_whole, struct cg_error **err)
{
	_cleanup_oci_config_ struct cg_oci_config config = {0};
	_cleanup_buffer_ struct cg_buffer b = {0};
	_cleanup_close_ int dirfd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = dirfd < 0 ? -errno : cg_read_at(dirfd, "config.json", false, &b);

	if (r < 0) {
		r = cg_error_errno(err, -r, "cannot read the container's config.json");
		cg_error_at(err, bundle, NULL);
		return r;
	}
	r = cg_oci_config_parse((struct cg_bytes){b.data, b.len}, &config, err);
	r = r < 0 ? r : cg_oci_group_path(config.cgroups_path, id, t, ret_whole, err);
	cg_error_at(err, bundle, NULL);
	return r;
}

static void keep_line(void *context, const char *text)
{
	struct cg_text *lines = context;

	cg_text_adds(lines, text);
	cg_text_addc(lines, '\n');
}

/* The place of a hierarchy of the image. */
static const struct cg_root *place_of(
	const struct oci_places *p, const struct cg_live *live, const struct cg_hierarchy *h)
{
	for (size_t i = 0; i < p->count; i++) {
		for (size_t j = 0; j < live->count; j++) {
			const struct cg_live_hierarchy *l = &live->item[j];
			struct cg_hierarchy here = {.version = (uint8_t)l->version,
				.controllers = l->controllers,
				.name = l->name};

			if (cg_live_matches(l, p->root[i].hierarchy) && cg_hierarchy_same(h, &here))
				return &p->root[i];
		}
	}
	return NULL;
}

/* The image's hierarchies against the container's groups: *ret holds a root for each that has groups. */
static int match_places(const struct cg_live *live, const struct cg_tree *image, const struct oci_places *p,
	struct cg_root *ret, size_t *ret_count, struct cg_error **err)
{
	_cleanup_text_ struct cg_text scratch = {0};

	*ret_count = 0;
	for (uint16_t i = 0; i < image->hierarchies; i++) {
		const struct cg_hierarchy *h = &image->hierarchy[i];
		const struct cg_root *place = place_of(p, live, h);

		if (h->first_top == CG_NONE)
			continue;
		if (image->group[h->first_top].next_sibling != CG_NONE)
			return cg_error_usage(err,
				"the image has several tops in %s, and a container has one group",
				cg_hierarchy_label(h, &scratch));
		if (!place)
			return cg_error_make(err, CG_FAULT_SYSTEM, ENOENT,
				"the image has groups of %s, and the container has no group of its own there",
				cg_hierarchy_label(h, &scratch));
		ret[(*ret_count)++] = *place;
	}
	return 0;
}

/* Leaves what cannot be done while the top has tasks. */
static int cut_image(struct cg_tree *image, bool *ret_later, struct cg_error **err)
{
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < image->hierarchies; i++) {
		uint32_t top = image->hierarchy[i].first_top;

		if (top == CG_NONE || !cg_group_passes_on(image, top))
			continue;
		*ret_later = true;
		r = cg_tree_cut_below(image, top, err);
	}
	return r;
}

/* After the restore, a plan has nothing left to do. */
static int look_again(const struct cg_live *live, const struct cg_tree *image,
	const struct cg_restore_options *options, struct cg_error **err)
{
	struct cg_restore_options again = *options;
	struct cg_restore_counts counts;
	enum cg_outcome outcome;
	int r;

	again.dry_run = true;
	again.apply.line = NULL;
	r = cg_restore(live, image, &again, &outcome, &counts, err);
	if (r == 0 && (counts.settings || counts.groups))
		r = cg_error_make(err, CG_FAULT_SYSTEM, EIO,
			"%zu settings and %zu groups of the image do not stand any more: somebody else writes there",
			counts.settings, counts.groups);
	return r;
}

int oci_bring(const struct cg_live *live, struct cg_tree *image, const struct oci_places *places,
	bool tops_only, struct oci_result *ret, bool *ret_later, struct cg_error **err)
{
	_cleanup_free_ struct cg_root *root = calloc((size_t)image->hierarchies + 1, sizeof(*root));
	struct cg_restore_options options = {
		.plan = {.mode = CG_MODE_FULL, .root = root},
		.members = {.none = true},
		.apply = {.state_dir = CLI_STATE_DIR,
			.line = keep_line,
			.line_context = &ret->lines,
			.stop = cli_catch_signals()},
	};
	int r;

	*ret_later = false;
	if (!root)
		return cg_error_oom(err);
	r = match_places(live, image, places, root, &options.plan.roots, err);
	if (r == 0 && tops_only)
		r = cut_image(image, ret_later, err);
	if (r == 0)
		r = cg_restore(live, image, &options, &ret->outcome, &ret->counts, err);
	return r < 0 ? r : look_again(live, image, &options, err);
}

void oci_log(int dirfd, const char *who, const struct cg_oci_state *state, const struct oci_result *res,
	bool later, const struct cg_error *failure)
{
	_cleanup_close_ int fd = -1;
	_cleanup_text_ struct cg_text t = {0};
	_cleanup_free_ char *text = failure ? cg_error_text(failure) : NULL;

	if (dirfd < 0)
		return;
	fd = openat(dirfd, OCI_LOG_NAME, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		0600);
	cg_text_printf(&t, "%s: container %s, process %d\n", who, state->id, state->pid);
	if (res->lines.data)
		cg_text_adds(&t, res->lines.data);
	if (later)
		cg_text_adds(&t, "! the groups below the container's own wait until its tasks are in them: "
				 "\"cgtree oci runtime\" brings them back after the restore\n");
	cg_text_printf(&t, "%s%s\n", failure ? "failed: " : "done", text ? text : "");
	/* The log is a help, not a promise: what it cannot tell, the exit status does. */
	if (fd >= 0 && t.data)
		(void)!cg_write_all(fd, t.data, t.len);
}
