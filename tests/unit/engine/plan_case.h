/* A plan as text: image and live tree in, lines out. */
#pragma once

#include "build.h"
#include "engine/plan.h"

struct plan_case {
	const char *image, *live;
	struct cg_plan_options options;
	const struct cg_member *members;
	size_t member_count;
	int code;          /* 0, or the negative errno of a refusal */
	const char *error; /* part of its message; hint: part of its advice */
	const char *hint;
	const char *lines; /* what the plan says, one operation a line */
};

void check_plan(const struct plan_case *c);
