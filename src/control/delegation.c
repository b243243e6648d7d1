/* --delegate as text, and its bounds. */
#include "control/delegation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "model/usage.h"

#define SECOND_US 1000000u

/* The limit that a share is counted by, and how people say it. */
static const struct share {
	const char *word, *example;
	enum cg_known_limit limit;
} shares[CG_SHARES] = {
	[CG_SHARE_MEMORY] = {"memory", "512M", CG_LIMIT_MEMORY_MAX},
	[CG_SHARE_SWAP] = {"swap", "512M", CG_LIMIT_SWAP_MAX},
	[CG_SHARE_PIDS] = {"pids", "100", CG_LIMIT_PIDS_MAX},
	[CG_SHARE_CPU] = {"cpu", "50%", CG_LIMIT_CPU_MAX},
};

void cg_delegation_free(struct cg_delegation *d)
{
	free(d->path);
	free(d->socket);
	free(d->name);
	*d = (struct cg_delegation){0};
}

/* Bytes, tasks, or microseconds in a second of "QUOTA PERIOD"; false when it is no limit. */
static bool amount_of(const char *value, uint64_t *ret)
{
	struct cg_bytes rest = cg_bytes_of(value), word;
	uint64_t period;

	if (!cg_bytes_word(&rest, &word) || cg_parse_u64(word, ret) < 0)
		return false;
	if (!cg_bytes_word(&rest, &word))
		return true;
	if (cg_parse_u64(word, &period) < 0 || period == 0 || *ret > UINT64_MAX / SECOND_US)
		return false;
	/* Rounded up: a sum of parts must not be more than the whole. */
	*ret = (*ret * SECOND_US + period - 1) / period;
	return true;
}

static void show_amount(enum cg_share share, uint64_t amount, struct cg_text *t)
{
	if (share == CG_SHARE_PIDS)
		cg_text_printf(t, "%llu", (unsigned long long)amount);
	else if (share == CG_SHARE_CPU)
		cg_text_printf(t, "%llu%%", (unsigned long long)(amount / (SECOND_US / 100)));
	else
		cg_text_size(t, amount);
}

static int set_share(struct cg_delegation *d, enum cg_share share, const char *value, struct cg_error **err)
{
	_cleanup_text_ struct cg_text limit = {0}, checked = {0};
	int r;

	cg_text_printf(&limit, "%s=%s", cg_known_limit_name(shares[share].limit), value);
	if (limit.failed)
		return cg_error_oom(err);
	r = cg_limit_check(limit.data, &checked, err);
	if (r < 0)
		return r;
	if (!amount_of(strchr(checked.data, '=') + 1, &d->most[share]) || d->most[share] == 0)
		return cg_error_usage(err, "%s=%s: an amount is wanted, such as %s", shares[share].word,
			value, shares[share].example);
	return 0;
}

static int set_number(const char *word, const char *value, uint32_t *to, struct cg_error **err)
{
	if (cg_parse_u32(cg_bytes_of(value), to) < 0 || *to == 0 || *to > 1000000)
		return cg_error_usage(err, "%s=%s: a number from 1 to 1000000 is wanted", word, value);
	return 0;
}

static int set_name(struct cg_delegation *d, const char *value, struct cg_error **err)
{
	if (strlen(value) > CG_AREA_NAME_MAX || !cg_job_id_is_valid(cg_bytes_of(value)))
		return cg_error_usage(err,
			"name=%s: 1 to %d letters, digits, '-', '_' and '.' are wanted, first none of \"-.\"",
			value, CG_AREA_NAME_MAX);
	free(d->name);
	d->name = strdup(value);
	return d->name ? 0 : cg_error_oom(err);
}

static int set_bound(struct cg_delegation *d, char *text, struct cg_error **err)
{
	char *value = strchr(text, '=');

	if (!value)
		return cg_error_usage(err, "\"%s\": WHAT=VALUE is wanted", text);
	*value++ = '\0';
	if (strcmp(text, "name") == 0)
		return set_name(d, value, err);
	if (strcmp(text, "jobs") == 0)
		return set_number(text, value, &d->jobs, err);
	if (strcmp(text, "depth") == 0)
		return set_number(text, value, &d->depth, err);
	for (int s = 0; s < CG_SHARES; s++)
		if (strcmp(text, shares[s].word) == 0)
			return set_share(d, (enum cg_share)s, value, err);
	return cg_error_usage(
		err, "\"%s\" is no bound: name, jobs, depth, memory, swap, pids and cpu are", text);
}

/* A group's path: absolute, no component empty, "." or "..". */
static bool is_path(const char *path)
{
	struct cg_bytes rest, part;

	if (path[0] != '/' || path[1] == '\0')
		return false;
	rest = cg_bytes_of(path + 1);
	if (path[strlen(path) - 1] == '/')
		return false;
	while (cg_bytes_split(&rest, '/', &part))
		if (part.len == 0 || cg_bytes_is(part, ".") || cg_bytes_is(part, ".."))
			return false;
	return true;
}

/* PATH=SOCKET:UID */
static int parse_head(struct cg_delegation *d, char *text, struct cg_error **err)
{
	char *socket = strchr(text, '='), *uid = socket ? strrchr(socket, ':') : NULL;

	if (!uid)
		return cg_error_usage(err, "PATH=SOCKET:UID is wanted");
	*socket++ = *uid++ = '\0';
	if (!is_path(text))
		return cg_error_usage(err, "\"%s\": the path of a group is wanted, from the top: /box", text);
	if (socket[0] != '/' || strlen(socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return cg_error_usage(err,
			"\"%s\": the socket's absolute path is wanted, of at most %zu bytes", socket,
			sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	if (cg_parse_u32(cg_bytes_of(uid), &d->uid) < 0 || d->uid == UINT32_MAX)
		return cg_error_usage(err, "\"%s\": the number of a user is wanted", uid);
	d->path = strdup(text);
	d->socket = strdup(socket);
	return d->path && d->socket ? 0 : cg_error_oom(err);
}

static int parse(char *text, struct cg_delegation *d, struct cg_error **err)
{
	char *next = strchr(text, ','), *bound;
	int r;

	if (next)
		*next++ = '\0';
	r = parse_head(d, text, err);
	while (r == 0 && next) {
		bound = next;
		next = strchr(bound, ',');
		if (next)
			*next++ = '\0';
		r = set_bound(d, bound, err);
	}
	if (r == 0 && !d->name) {
		r = set_name(d, strrchr(d->path, '/') + 1, err);
		if (r == -EINVAL)
			cg_error_hint(err, "call it otherwise: --delegate ...,name=NAME");
	}
	return r;
}

int cg_delegation_parse(const char *text, struct cg_delegation *ret, struct cg_error **err)
{
	_cleanup_delegation_ struct cg_delegation d = {0};
	_cleanup_free_ char *copy = strdup(text);
	int r = copy ? parse(copy, &d, err) : cg_error_oom(err);

	if (r < 0)
		return r;
	*ret = d;
	d = (struct cg_delegation){0};
	return 0;
}

int cg_delegation_add(const struct cg_delegation *d, const struct cg_strings *limits, uint64_t sum[CG_SHARES],
	struct cg_error **err)
{
	for (int s = 0; s < CG_SHARES; s++) {
		const char *value = cg_limits_value(limits, cg_known_limit_name(shares[s].limit));
		_cleanup_text_ struct cg_text most = {0};
		uint64_t amount;
		int r;

		if (!d->most[s])
			continue;
		if (value && amount_of(value, &amount)) {
			sum[s] = amount > UINT64_MAX - sum[s] ? UINT64_MAX : sum[s] + amount;
			continue;
		}
		show_amount((enum cg_share)s, d->most[s], &most);
		r = cg_error_make(err, CG_FAULT_USAGE, EDQUOT,
			"the jobs here share %s: each must say how much it takes",
			most.data ? most.data : "");
		cg_error_at(err, NULL, cg_known_limit_name(shares[s].limit));
		cg_error_hint(
			err, "add --set %s=%s", cg_known_limit_name(shares[s].limit), shares[s].example);
		return r;
	}
	return 0;
}

int cg_delegation_fits(const struct cg_delegation *d, const struct cg_strings *limits,
	const uint64_t taken[CG_SHARES], struct cg_error **err)
{
	uint64_t sum[CG_SHARES];
	int r;

	memcpy(sum, taken, sizeof(sum));
	r = cg_delegation_add(d, limits, sum, err);
	for (int s = 0; r == 0 && s < CG_SHARES; s++) {
		_cleanup_text_ struct cg_text most = {0}, left = {0};

		if (!d->most[s] || sum[s] <= d->most[s])
			continue;
		show_amount((enum cg_share)s, d->most[s], &most);
		show_amount((enum cg_share)s, taken[s] < d->most[s] ? d->most[s] - taken[s] : 0, &left);
		r = cg_error_make(err, CG_FAULT_SYSTEM, EDQUOT,
			"the jobs here share %s, and %s of it is left", most.data ? most.data : "",
			left.data ? left.data : "");
		cg_error_at(err, NULL, cg_known_limit_name(shares[s].limit));
		cg_error_hint(err, "ask for less, or end a job: cgtree job stop ID");
	}
	return r;
}

int cg_delegation_bound_depth(const struct cg_delegation *d, struct cg_strings *limits, struct cg_error **err)
{
	const char *knob = cg_known_limit_name(CG_LIMIT_DEPTH);
	const char *value = cg_limits_value(limits, knob);
	_cleanup_text_ struct cg_text t = {0};
	uint64_t asked;
	int r;

	if (!d->depth || (value && amount_of(value, &asked) && asked < d->depth))
		return 0;
	if (value) {
		r = cg_error_make(err, CG_FAULT_SYSTEM, EDQUOT,
			"groups here may be %u deep, the job's own included: %u at most", d->depth,
			d->depth - 1);
		cg_error_at(err, NULL, knob);
		return r;
	}
	cg_text_printf(&t, "%s=%u", knob, d->depth - 1);
	if (t.failed || cg_strings_add(limits, (struct cg_bytes){t.data, t.len}) < 0)
		return cg_error_oom(err);
	return 0;
}
