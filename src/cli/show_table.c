/* The tree as a table: a row for each setting, all columns filled, for grep and awk. Two passes over the same
 * rows: the first measures, the second prints. */
#include <string.h>

#include "cli/show.h"
#include "model/program.h"
#include "model/value.h"

enum column { HIERARCHY, GROUP, TYPE, PROCESSES, THREADS, OWNER, SETTING, VALUE, WORDS, COLUMNS };

static const char *const titles[COLUMNS] = {
	"HIERARCHY", "GROUP", "TYPE", "PROCESSES", "THREADS", "OWNER", "SETTING", "VALUE", "IN WORDS"};

struct table {
	const struct cg_tree *tree;
	struct cli_style style;
	struct cg_text cell[COLUMNS];
	size_t width[COLUMNS];
	bool print, any; /* any: the group had a row */
};

/* Values are as long as they like; a column gives way from here on. */
#define WIDTH_MAX 60

static void end_row(struct table *t)
{
	for (int i = 0; i < COLUMNS; i++) {
		const char *text = t->cell[i].len ? t->cell[i].data : "-";
		size_t width = cg_utf8_width(text);

		if (!t->print) {
			if (width > t->width[i] && width <= WIDTH_MAX)
				t->width[i] = width;
			continue;
		}
		if (i == COLUMNS - 1)
			(void)printf("%s\n", text);
		else
			(void)printf(
				"%s%*s", text, (int)(width < t->width[i] ? t->width[i] - width : 0) + 2, "");
	}
}

static void setting_row(void *context, const struct show_setting *s)
{
	struct table *t = context;

	for (int i = SETTING; i < COLUMNS; i++)
		cg_text_reset(&t->cell[i]);
	cg_text_escape(&t->cell[SETTING], cg_bytes_of(s->name));
	if (!s->value.data) {
		cg_text_adds(&t->cell[WORDS], "unreadable");
	} else {
		cg_text_escape(&t->cell[VALUE], cg_bytes_trim(s->value));
		if (s->knob)
			cg_value_describe(s->knob, s->value, &t->cell[WORDS]);
	}
	t->any = true;
	end_row(t);
}

static void program_row(struct table *t, const struct cg_program *p)
{
	for (int i = SETTING; i < COLUMNS; i++)
		cg_text_reset(&t->cell[i]);
	cg_text_escape(&t->cell[SETTING], cg_bytes_of(p->type));
	cg_text_adds(&t->cell[SETTING], " program");
	cg_program_describe(p, false, &t->cell[WORDS]);
	t->any = true;
	end_row(t);
}

static void group_rows(struct table *t, uint32_t group, bool all)
{
	const struct cg_group *g = &t->tree->group[group];
	struct cli_counts c = cli_group_counts(g);
	_cleanup_text_ struct cg_text path = {0};

	for (int i = 0; i < COLUMNS; i++)
		cg_text_reset(&t->cell[i]);
	(void)cg_hierarchy_label(&t->tree->hierarchy[g->hierarchy], &t->cell[HIERARCHY]);
	cg_group_path(t->tree, group, &path);
	cg_text_escape(&t->cell[GROUP], (struct cg_bytes){path.data, path.len});
	for (const char *type = cg_group_type_name(g->type); *type; type++)
		cg_text_addc(&t->cell[TYPE], *type == ' ' ? '-' : *type);
	if (t->tree->inventory.members) {
		cg_text_printf(&t->cell[PROCESSES], "%llu", (unsigned long long)c.processes);
		cg_text_printf(&t->cell[THREADS], "%llu", (unsigned long long)c.tasks);
	}
	cg_text_printf(&t->cell[OWNER], "%u:%u", g->owner.uid, g->owner.gid);
	t->any = false;
	show_each_setting(t->tree, group, all, setting_row, t);
	for (uint16_t i = 0; i < g->programs; i++)
		program_row(t, &g->program[i]);
	if (!t->any)
		end_row(t);
}

static void put_titles(struct table *t)
{
	(void)fputs(t->style.bold, stdout);
	for (int i = 0; i < COLUMNS; i++) {
		cg_text_reset(&t->cell[i]);
		cg_text_adds(&t->cell[i], titles[i]);
	}
	end_row(t);
	(void)fputs(t->style.reset, stdout);
}

void show_table(struct cli *cli, const struct cli_source *source, const struct show_options *o)
{
	struct table t = {.tree = source->tree, .style = cli_style_of(cli->color_out)};

	for (int pass = 0; pass < 2; pass++) {
		t.print = pass == 1;
		put_titles(&t);
		for (uint32_t i = 0; i < t.tree->groups; i++)
			group_rows(&t, i, o->all);
	}
	for (uint32_t i = 0; i < t.tree->notes; i++) {
		_cleanup_text_ struct cg_text note = {0};

		cli_note_text(&t.tree->note[i], &note);
		cli_warn_line(cli, note.data ? note.data : "");
	}
	for (int i = 0; i < COLUMNS; i++)
		cg_text_free(&t.cell[i]);
}
