/* The configuration as a whole: its defaults, and what no single row can tell. */
#include "control/config.h"

#include <stdlib.h>
#include <string.h>

void cg_config_free(struct cg_config *c)
{
	free(c->metrics_file);
	free(c->events_file);
	*c = (struct cg_config){0};
}

const struct cg_config_row *cg_config_find(const char *section, const char *name)
{
	for (size_t i = 0; i < CG_CONFIG_ROWS; i++)
		if (strcmp(cg_config_table[i].section, section) == 0 &&
			strcmp(cg_config_table[i].name, name) == 0)
			return &cg_config_table[i];
	return NULL;
}

int cg_config_default(struct cg_config *ret, struct cg_error **err)
{
	_cleanup_config_ struct cg_config c = {0};

	for (size_t i = 0; i < CG_CONFIG_ROWS; i++) {
		int r = cg_config_set(&c, &cg_config_table[i], cg_config_table[i].initial, err);

		if (r < 0)
			return r;
	}
	*ret = c;
	c = (struct cg_config){0};
	return 0;
}

static int in_order(const struct cg_config *c, enum cg_resource r, struct cg_error **err)
{
	const struct cg_resource_config *m = &c->resource[r];
	int before = -1;

	for (int s = 0; s < CG_STEPS; s++) {
		if (s != CG_STEP_KILL && m->leave[s] >= m->enter[s])
			return cg_error_usage(err, "[%s] %s-leave (%llu%%) must be below %s-enter (%llu%%)",
				cg_resource_words[r], cg_step_words[s], (unsigned long long)m->leave[s],
				cg_step_words[s], (unsigned long long)m->enter[s]);
		if (!(m->steps & (UINT64_C(1) << s)))
			continue;
		if (before >= 0 && m->enter[s] < m->enter[before])
			return cg_error_usage(err,
				"[%s] %s-enter (%llu%%) must not be below %s-enter (%llu%%)",
				cg_resource_words[r], cg_step_words[s], (unsigned long long)m->enter[s],
				cg_step_words[before], (unsigned long long)m->enter[before]);
		before = s;
	}
	if (m->kill_usage < m->usage)
		return cg_error_usage(err, "[%s] kill-usage must not be below usage", cg_resource_words[r]);
	return 0;
}

int cg_config_check(const struct cg_config *c, struct cg_error **err)
{
	if (c->interval > c->window)
		return cg_error_usage(err, "[pressure] interval must not be longer than window");
	for (int r = 0; r < CG_RESOURCES; r++) {
		int result = in_order(c, r, err);

		if (result < 0)
			return result;
	}
	for (int s = 0; s < CG_STEP_KILL; s++)
		if (c->step[s].dwell > c->step[s].max)
			return cg_error_usage(
				err, "[%s] dwell must not be longer than max", cg_step_words[s]);
	return 0;
}
