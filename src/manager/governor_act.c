/* Decisions are carried out, and told to everybody. */
#include <errno.h>

#include "base/log.h"
#include "manager/governor_private.h"

static int set_limit(struct cg_governor *g, const struct cg_decision *d, enum cg_known_limit limit, bool set,
	const char *why, struct cg_error **err)
{
	_cleanup_text_ struct cg_text value = {0};

	cg_text_printf(&value, "%llu", (unsigned long long)d->value);
	if (value.failed)
		return cg_error_oom(err);
	return cg_manager_press_limit(g->m, d->handle, cg_known_limit_name(limit), set ? value.data : NULL,
		cg_act_name(d->act), why, err);
}

static void on_gone(void *context, uint32_t handle)
{
	struct cg_governor *g = context;

	/* Maybe one of before, that had been given up: then the one of now is waited for still. */
	cg_policy_gone(g->policy, handle);
	governor_soon(g);
}

static int carry_out(
	struct cg_governor *g, const struct cg_decision *d, const char *why, struct cg_error **err)
{
	switch (d->act) {
	case CG_ACT_BRAKE:
	case CG_ACT_UNBRAKE:
		return set_limit(g, d, CG_LIMIT_MEMORY_HIGH, d->act == CG_ACT_BRAKE, why, err);
	case CG_ACT_DEMOTE:
	case CG_ACT_PROMOTE:
		return set_limit(g, d, CG_LIMIT_CPU_WEIGHT, d->act == CG_ACT_DEMOTE, why, err);
	case CG_ACT_FREEZE:
	case CG_ACT_THAW:
		return cg_manager_press_freeze(g->m, d->handle, d->act == CG_ACT_FREEZE, why, err);
	case CG_ACT_KILL:
		return cg_manager_press_kill(g->m, d->handle, why, on_gone, g, err);
	default:
		break;
	}
	cg_manager_decision(g->m, d->id[0] ? d->id : NULL, cg_act_name(d->act), why);
	if (d->act == CG_ACT_OPEN)
		queue_kick(g->m);
	return 0;
}

void governor_act(struct cg_governor *g, const struct cg_decision *d)
{
	_cleanup_text_ struct cg_text why = {0};
	_cleanup_error_ struct cg_error *err = NULL;
	int r;

	g->counted.decisions[d->act]++;
	cg_decision_text(d, &why);
	if (why.failed)
		return;
	if (d->dry_run) {
		cg_manager_decision(g->m, d->id[0] ? d->id : NULL, cg_act_name(d->act), why.data);
		return;
	}
	r = carry_out(g, d, why.data, &err);
	if (r == 0)
		return;
	cg_policy_failed(g->policy, &g->config, d, monotonic_us());
	/* It ended in the meantime: nothing was to be done. */
	if (r == -ESRCH)
		return;
	cg_text_reset(&why);
	cg_text_printf(&why, "%s could not be done: %s", cg_act_name(d->act), err->message);
	if (!why.failed)
		cg_manager_decision(g->m, d->id[0] ? d->id : NULL, cg_act_name(CG_ACT_NONE), why.data);
}
