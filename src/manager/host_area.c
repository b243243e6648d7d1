/* Groups beside the root whose jobs are asked for at a socket of their own (--delegate). Each is laid out as
 * the root is: its jobs lie in PATH/jobs, so that what we make and remove there is nobody else's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manager/host_private.h"
#include "manager/store.h"

const struct cg_host_area *cg_host_area_of(const struct cg_host *h, const char *name, const char **ret_id)
{
	size_t len = cg_job_area_len(name);

	*ret_id = name + len;
	if (len == 0)
		return &h->top;
	for (size_t i = 0; i < h->belows; i++)
		if (strncmp(h->below[i].name, name, len - 1) == 0 && h->below[i].name[len - 1] == '\0')
			return &h->below[i];
	return NULL;
}

/* Whether `path` is `above` or lies below it. */
static bool is_within(const char *path, const char *above)
{
	size_t len = strlen(above);

	if (strcmp(above, "/") == 0)
		return true;
	return strncmp(path, above, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static int refuse(const char *path, const char *why, struct cg_error **err)
{
	int r = cg_error_usage(err, "jobs cannot be kept there: %s", why);

	cg_error_at(err, path, NULL);
	cg_error_hint(err,
		"name a group of its own directly below the manager's root, or a delegated one elsewhere");
	return r;
}

/* 1: directly below the root, 0: elsewhere; an error where it cannot be. */
static int check_path(const struct cg_host *h, const char *path, struct cg_error **err)
{
	const char *rest;

	if (is_within(h->top.path, path))
		return refuse(path, "it is the manager's own group, or above it", err);
	for (size_t i = 0; i < h->belows; i++)
		if (is_within(path, h->below[i].path) || is_within(h->below[i].path, path))
			return refuse(path, "another --delegate has it, or one above or below it", err);
	if (!is_within(path, h->top.path))
		return 0;
	rest = path + strlen(h->top.path) + 1;
	if (strchr(rest, '/'))
		return refuse(path, "it is not directly below the manager's root", err);
	if (strcmp(rest, GROUP_JOBS) == 0 || strcmp(rest, GROUP_SHIMS) == 0 ||
		strcmp(rest, GROUP_MANAGER) == 0)
		return refuse(path, "the manager has that group for itself", err);
	return 1;
}

static int settle_area(struct cg_host *h, struct cg_host_area *area, bool make, struct cg_error **err)
{
	const struct cg_live_hierarchy *live = &h->live.item[h->main];
	int r;

	if (!make && !cg_host_has_group(live, area->path)) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, ENOENT, "there is no such group");
		cg_error_at(err, area->path, NULL);
		cg_error_hint(err, "start what has it first, or name a group directly below %s", h->top.path);
		return r;
	}
	if (!make && cg_host_systemd_runs() && !cg_host_is_delegated(live, area->path))
		return cg_host_not_delegated(area->path, "systemd manages it and has not delegated it", err);
	r = cg_host_settle(h, area, h->main, make);
	if (r < 0)
		return cg_host_failed(area->path, "use the group", r, err);
	if (cg_lock_take(area->place[h->main].root) < 0) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EBUSY, "another manager has this group");
		cg_error_at(err, area->path, NULL);
		return r;
	}
	for (size_t i = 0; i < h->live.count; i++) {
		if (i == h->main || h->top.place[i].jobs < 0)
			continue;
		r = cg_host_settle(h, area, i, make);
		if (r < 0)
			cg_debug("%s is not ours in %s: %s", area->path, h->live.item[i].controllers,
				strerror(-r));
	}
	r = cg_host_enable_area(h, area);
	return r < 0 ? cg_host_failed(area->path, "set up the group", r, err) : 0;
}

int cg_host_add_area(struct cg_host *h, const char *name, const char *path, struct cg_error **err)
{
	struct cg_host_area *more, area = {0};
	int r, make;

	for (size_t i = 0; i < h->belows; i++) {
		if (strcmp(h->below[i].name, name) != 0)
			continue;
		if (strcmp(h->below[i].path, path) == 0)
			return 0;
		r = cg_error_usage(err, "two groups are called %s: %s and this one", name, h->below[i].path);
		cg_error_at(err, path, NULL);
		cg_error_hint(err, "give one of them another name: --delegate ...,name=NAME");
		return r;
	}
	make = check_path(h, path, err);
	if (make < 0)
		return make;
	more = reallocarray(h->below, h->belows + 1, sizeof(*more));
	if (!more)
		return cg_error_oom(err);
	h->below = more;
	area.name = strdup(name);
	area.path = strdup(path);
	r = !area.name || !area.path || cg_host_new_area(h, &area) < 0 ? cg_error_oom(err) : 0;
	r = r < 0 ? r : settle_area(h, &area, make, err);
	if (r < 0)
		cg_host_free_area(h, &area);
	else
		h->below[h->belows++] = area;
	return r;
}
