/* See plan_case.h. */
#include "plan_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void add_lines(const struct cg_plan *plan, const struct cg_members *members, struct cg_text *t)
{
	for (size_t i = 0; i < plan->ops; i++) {
		cg_plan_line(plan, members, i, t);
		if (plan->op[i].flags & CG_OP_DIFFERS)
			cg_text_adds(t, " [differs]");
		if (plan->op[i].flags & CG_OP_BEST_EFFORT)
			cg_text_adds(t, " [try]");
		if (plan->op[i].flags & CG_OP_MAKES_PRESENT)
			cg_text_adds(t, " [ensure]");
		cg_text_addc(t, '\n');
	}
}

static void check_error(const struct plan_case *c, const struct cg_error *e)
{
	assert_non_null(e);
	if (c->error && !strstr(e->message, c->error))
		fail_msg("'%s' does not say '%s'", e->message, c->error);
	if (c->hint && (!e->hint || !strstr(e->hint, c->hint)))
		fail_msg("the advice '%s' does not say '%s'", e->hint ? e->hint : "", c->hint);
}

void check_plan(const struct plan_case *c)
{
	_cleanup_tree_ struct cg_tree *image = build_tree(c->image), *live = build_tree(c->live);
	struct cg_members members = {.count = c->member_count};
	_cleanup_error_ struct cg_error *e = NULL;
	_cleanup_plan_ struct cg_plan plan = {0};
	_cleanup_text_ struct cg_text t = {0};
	struct cg_plan_options options = c->options;
	int r;

	members.item = calloc(c->member_count + 1, sizeof(*members.item));
	assert_non_null(members.item);
	if (c->member_count)
		memcpy(members.item, c->members, c->member_count * sizeof(*members.item));
	if (options.uid == 0)
		options.privileged = true;
	r = cg_plan_make(image, live, &members, &options, &plan, &e);
	add_lines(&plan, &members, &t);
	free(members.item);
	if (r != c->code)
		fail_msg("%d instead of %d: %s\n%s", r, c->code, e ? e->message : "", t.data ? t.data : "");
	if (c->code)
		check_error(c, e);
	else
		assert_null(e);
	if (c->lines)
		assert_string_equal(t.data ? t.data : "", c->lines);
}
