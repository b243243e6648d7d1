/* How an image is translated: see convert_options.h. */
#include "cli/convert_options.h"

#include <string.h>

#include "image/image.h"

const char *const cli_soft_limit_words[] = {"low", "high", NULL};

static int find_dialect(const char *name, const struct cg_dialect **ret, struct cg_error **err)
{
	_cleanup_text_ struct cg_text names = {0};

	*ret = cg_dialect_find(name);
	if (*ret)
		return 0;
	for (size_t i = 0; i < cg_dialect_count; i++)
		cg_text_printf(&names, "%s%s", i ? ", " : "", cg_dialects[i].name);
	return cg_error_usage(
		err, "--dialect %s: there is none of this name, but %s", name, names.data ? names.data : "");
}

static int find_conflict(const char *text, struct cg_convert_options *ret, struct cg_error **err)
{
	if (strcmp(text, "fail") == 0) {
		ret->conflict = CG_CONFLICT_FAIL;
	} else if (strcmp(text, "leaf") == 0) {
		ret->conflict = CG_CONFLICT_LEAF;
	} else if (strncmp(text, "lead=", 5) == 0 && text[5]) {
		ret->conflict = CG_CONFLICT_LEAD;
		ret->lead = text + 5;
	} else {
		return cg_error_usage(err, "--on-conflict %s: fail, leaf or lead=HIERARCHY is wanted", text);
	}
	return 0;
}

int cli_convert_options(const struct cli_convert *o, struct cg_convert_options *ret, struct cg_error **err)
{
	int r = 0;

	*ret = (struct cg_convert_options){.strict = o->strict,
		.skip_unknown = o->skip_unknown,
		.translate.soft_is_high = o->soft_limit == 1};
	if (o->dialect)
		r = find_dialect(o->dialect, &ret->translate.dialect, err);
	if (r == 0 && o->conflict)
		r = find_conflict(o->conflict, ret, err);
	return r;
}

/* All at once: there may be one for each of many groups. */
void cli_say_losses(struct cli *cli, const struct cg_losses *losses)
{
	struct cli_style style = cli_style_of(cli->color_err);
	_cleanup_text_ struct cg_text lines = {0};

	for (size_t i = 0; i < losses->count; i++) {
		const struct cg_loss *l = &losses->item[i];

		cg_text_printf(&lines, "%s!%s ", style.yellow, style.reset);
		if (l->path)
			cg_text_escape(&lines, cg_bytes_of(l->path));
		if (l->knob) {
			cg_text_adds(&lines, l->path ? " " : "");
			cg_text_escape(&lines, cg_bytes_of(l->knob));
		}
		cg_text_adds(&lines, l->path || l->knob ? ": " : "");
		cg_loss_text(l, &lines);
		cg_text_addc(&lines, '\n');
	}
	cli_progress_clear(cli);
	if (lines.failed)
		cli_say(cli, "%zu things are lost; there is no memory to name them", losses->count);
	else if (lines.len)
		(void)fwrite(lines.data, 1, lines.len, stderr);
}

void cli_losses_json(struct json_out *j, const struct cg_losses *losses)
{
	json_open(j, '[');
	for (size_t i = 0; i < losses->count; i++) {
		const struct cg_loss *l = &losses->item[i];

		json_open(j, '{');
		json_text(json_member(j, "path"), l->path);
		json_text(json_member(j, "knob"), l->knob);
		if (l->was.data)
			json_bytes(json_member(j, "was"), l->was);
		json_text(json_member(j, "became"), l->became);
		json_text(json_member(j, "why"), l->why);
		json_close(j, '}');
	}
	json_close(j, ']');
}

int cli_take_back(const struct cg_tree *tree, int version, struct cg_tree **ret, struct cg_losses *losses,
	struct cg_error **err)
{
	_cleanup_origin_ struct cg_origin origin = {0};
	_cleanup_losses_ struct cg_losses own = {0};
	int r = cg_image_origin(tree, CG_IMAGE_MEMORY_DEFAULT, &origin, err);

	if (r <= 0 || origin.kind != CG_ORIGIN_CONVERTED || (version && origin.version == version))
		return r < 0 ? r : 0;
	r = cg_convert_back(tree, &origin.tree, &origin.options, origin.version, ret, &own, err);
	for (size_t i = 0; r >= 0 && i < own.count; i++)
		if (cg_losses_add(losses, &own.item[i]) < 0)
			return cg_error_oom(err);
	return r;
}
