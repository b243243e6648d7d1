/* A decision in words. */
#include "manager/policy.h"

static const char *const act_names[CG_ACTS] = {
	[CG_ACT_NONE] = "none",
	[CG_ACT_CLOSE] = "close",
	[CG_ACT_OPEN] = "open",
	[CG_ACT_BRAKE] = "brake",
	[CG_ACT_UNBRAKE] = "unbrake",
	[CG_ACT_DEMOTE] = "demote",
	[CG_ACT_PROMOTE] = "promote",
	[CG_ACT_FREEZE] = "freeze",
	[CG_ACT_THAW] = "thaw",
	[CG_ACT_KILL] = "kill",
	[CG_ACT_GONE] = "gone",
	[CG_ACT_STUCK] = "stuck",
	[CG_ACT_RELEASE] = "release",
};

static const char *const why_names[CG_WHYS] = {
	[CG_WHY_PRESSURE] = "pressure",
	[CG_WHY_CALM] = "calm",
	[CG_WHY_TIMER] = "timer",
	[CG_WHY_ABOVE] = "above",
	[CG_WHY_ENDED] = "ended",
	[CG_WHY_CLIENT] = "client",
	[CG_WHY_USAGE] = "usage",
	[CG_WHY_KILLING] = "killing",
	[CG_WHY_DWELL] = "dwell",
	[CG_WHY_NOBODY] = "nobody",
	[CG_WHY_ALONE] = "alone",
	[CG_WHY_MEASURING] = "measuring",
};

static const char *const pass_texts[CG_PASSES] = {
	[CG_PASS_STATE] = "starting or stopping",
	[CG_PASS_UNKILLABLE] = "unkillable",
	[CG_PASS_SMALL] = "too small",
	[CG_PASS_TAKEN] = "affected already",
	[CG_PASS_FROZEN] = "frozen",
	[CG_PASS_REST] = "resting",
};

const char *cg_act_name(enum cg_act act)
{
	return act_names[act];
}

const char *cg_why_name(enum cg_why why)
{
	return why_names[why];
}

static void add_usage(const struct cg_decision *d, uint64_t value, struct cg_text *t)
{
	if (d->resource == CG_RESOURCE_IO) {
		cg_text_size(t, value);
		cg_text_adds(t, "B/s");
	} else {
		cg_text_printf(t, "%llu%%", (unsigned long long)value);
	}
}

static void add_share(const struct cg_decision *d, struct cg_text *t)
{
	cg_text_printf(t, "priority %u, ", d->priority);
	if (d->resource == CG_RESOURCE_CPU) {
		cg_text_printf(t, "%llu%% of a processor", (unsigned long long)(d->contribution / 10000));
	} else {
		cg_text_size(t, d->contribution);
		cg_text_adds(t, d->resource == CG_RESOURCE_IO ? "B/s" : "B");
	}
	if (d->total)
		cg_text_printf(t, ", %llu%% of all jobs'",
			(unsigned long long)((unsigned __int128)d->contribution * 100 / d->total));
}

static void add_pressure(const struct cg_decision *d, struct cg_text *t)
{
	cg_text_printf(t, "%s stalls %u%% (threshold %u%%), use ", cg_resource_words[d->resource], d->level,
		d->threshold);
	add_usage(d, d->usage, t);
	cg_text_adds(t, " (at least ");
	add_usage(d, d->usage_threshold, t);
	cg_text_adds(t, ")");
}

static void add_passed(const struct cg_decision *d, struct cg_text *t)
{
	const char *before = ": ";

	for (int i = 0; i < CG_PASSES; i++) {
		if (d->passed[i]) {
			cg_text_printf(t, "%s%u %s", before, d->passed[i], pass_texts[i]);
			before = ", ";
		}
	}
	if (*before == ':')
		cg_text_adds(t, ": there are no jobs");
}

static void nothing_text(const struct cg_decision *d, struct cg_text *t)
{
	static const char *const reasons[CG_WHYS] = {
		[CG_WHY_USAGE] = "too little is in use: who stalls meets a limit of its own",
		[CG_WHY_KILLING] = "a kill is under way",
		[CG_WHY_DWELL] = "it was taken a moment ago",
		[CG_WHY_NOBODY] = "no job qualifies",
		[CG_WHY_ALONE] = "no running job is of a higher class",
		[CG_WHY_MEASURING] = "what the jobs use is being measured",
	};

	cg_text_printf(t, "no %s: %s", cg_step_words[d->step], reasons[d->why] ? reasons[d->why] : "");
	if (d->why == CG_WHY_NOBODY)
		add_passed(d, t);
	cg_text_adds(t, "; ");
	add_pressure(d, t);
}

static void taken_text(const struct cg_decision *d, struct cg_text *t)
{
	switch (d->act) {
	case CG_ACT_CLOSE:
		cg_text_adds(t, "admission is closed");
		break;
	case CG_ACT_BRAKE:
		cg_text_adds(t, "braked at ");
		cg_text_size(t, d->value);
		break;
	case CG_ACT_DEMOTE:
		cg_text_printf(t, "cpu weight lowered to %llu", (unsigned long long)d->value);
		break;
	case CG_ACT_FREEZE:
		cg_text_adds(t, "frozen");
		break;
	default:
		cg_text_adds(t, "killed");
	}
	cg_text_adds(t, ": ");
	add_pressure(d, t);
	if (d->id[0]) {
		cg_text_adds(t, "; ");
		add_share(d, t);
	}
}

static void undone_text(const struct cg_decision *d, struct cg_text *t)
{
	static const char *const what[CG_ACTS] = {
		[CG_ACT_OPEN] = "admission is open again",
		[CG_ACT_UNBRAKE] = "brake released",
		[CG_ACT_PROMOTE] = "cpu weight restored",
		[CG_ACT_THAW] = "thawed",
		[CG_ACT_RELEASE] = "is over",
	};
	static const char *const reasons[CG_WHYS] = {
		[CG_WHY_TIMER] = "its time is over",
		[CG_WHY_ABOVE] = "the job goes a step higher",
		[CG_WHY_ENDED] = "the job ended",
		[CG_WHY_CLIENT] = "a client took it back",
	};

	if (d->act == CG_ACT_RELEASE)
		cg_text_printf(t, "%s ", cg_step_words[d->step]);
	cg_text_printf(t, "%s: ", what[d->act]);
	if (d->why == CG_WHY_CALM)
		cg_text_printf(t, "%s stalls %u%%, below %u%% or less in use for long enough",
			cg_resource_words[d->resource], d->level, d->threshold);
	else
		cg_text_adds(t, reasons[d->why] ? reasons[d->why] : "");
}

void cg_decision_text(const struct cg_decision *d, struct cg_text *t)
{
	if (d->dry_run)
		cg_text_adds(t, "(dry run) ");
	switch (d->act) {
	case CG_ACT_NONE:
		nothing_text(d, t);
		break;
	case CG_ACT_CLOSE:
	case CG_ACT_BRAKE:
	case CG_ACT_DEMOTE:
	case CG_ACT_FREEZE:
	case CG_ACT_KILL:
		taken_text(d, t);
		break;
	case CG_ACT_GONE:
		cg_text_printf(
			t, "nothing is left of it, %llu us after the kill", (unsigned long long)d->value);
		break;
	case CG_ACT_STUCK:
		cg_text_printf(t, "still has processes %llu us after the kill; another may be chosen",
			(unsigned long long)d->value);
		break;
	default:
		undone_text(d, t);
	}
}
