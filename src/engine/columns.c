/* Learning the files of groups; see columns.h. */
#include "engine/columns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int cg_columns_init(struct cg_columns *c, int version, uint64_t page_size, uint32_t kernel)
{
	*c = (struct cg_columns){
		.version = version, .page_size = page_size, .kernel = kernel, .delegation = CG_FILE_EXTRA};
	return -pthread_mutex_init(&c->lock, NULL);
}

void cg_columns_destroy(struct cg_columns *c)
{
	cg_arena_free(&c->arena);
	(void)pthread_mutex_destroy(&c->lock);
}

static uint32_t find_set(const struct cg_columns *c, struct cg_bytes key)
{
	for (uint16_t i = 0; i < c->sets; i++)
		if (cg_bytes_is(key, c->set[i]->key))
			return i;
	return CG_NONE;
}

static uint32_t make_set(struct cg_columns *c, struct cg_bytes key)
{
	struct cg_live_set *s;

	if (c->sets == CG_FILE_SETS_MAX)
		return CG_NONE;
	s = cg_arena_zalloc(&c->arena, sizeof(*s));
	if (!s)
		return CG_NONE;
	s->key = cg_arena_copy(&c->arena, key.data, key.len);
	if (!s->key)
		return CG_NONE;
	c->set[c->sets] = s;
	return c->sets++;
}

uint32_t cg_columns_set(struct cg_columns *c, struct cg_bytes key)
{
	uint32_t i;

	(void)pthread_mutex_lock(&c->lock);
	i = find_set(c, key);
	if (i == CG_NONE)
		i = make_set(c, key);
	(void)pthread_mutex_unlock(&c->lock);
	return i;
}

static int fill_column(struct cg_columns *c, struct cg_live_column *column, const char *name,
	const struct cg_knob *knob, uint16_t mode)
{
	_cleanup_text_ struct cg_text initial = {0};

	column->name = cg_arena_string(&c->arena, name);
	column->knob = knob;
	column->file = knob && knob->read_name ? knob->read_name : column->name;
	column->mode = knob ? cg_knob_mode(knob, c->kernel) : mode;
	if (!column->name)
		return -ENOMEM;
	if (knob && cg_knob_default(knob, name, c->page_size, &initial)) {
		column->initial = (struct cg_bytes){initial.data ? initial.data : "", initial.len};
		if (initial.failed || !cg_arena_keep(&c->arena, &column->initial))
			return -ENOMEM;
	}
	return 0;
}

/* The column of a file, made when new. */
static int column_of(
	struct cg_columns *c, const char *name, const struct cg_knob *knob, uint16_t mode, uint16_t *ret)
{
	struct cg_live_column *column;
	int r;

	for (uint16_t i = 0; i < c->columns; i++) {
		if (strcmp(c->column[i]->name, name) != 0)
			continue;
		*ret = i;
		return 0;
	}
	if (c->columns == CG_COLUMNS_MAX)
		return -E2BIG;
	column = cg_arena_zalloc(&c->arena, sizeof(*column));
	if (!column)
		return -ENOMEM;
	r = fill_column(c, column, name, knob, mode);
	if (r < 0)
		return r;
	c->column[c->columns] = column;
	if (knob && knob->phase == CG_PHASE_CONTROLLERS)
		c->delegation = c->columns;
	*ret = c->columns++;
	return 0;
}

struct learning {
	struct cg_columns *columns;
	struct cg_live_set *set;
	int group;
	bool any; /* a group that is being removed lists nothing */
};

/* A file that the catalogue does not know is a setting when it can be read and written. */
static bool is_generic_setting(int group, const char *name, uint16_t *ret_mode)
{
	struct stat st;

	if (fstatat(group, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_mode = (uint16_t)(st.st_mode & 07777);
	return (st.st_mode & 0444) && (st.st_mode & 0222);
}

static bool is_read(const struct cg_columns *c, const struct cg_knob *knob)
{
	if (knob->kind == CG_KNOB_STATISTIC)
		return c->with_usage && cg_knob_tells_usage(knob);
	return knob->kind == CG_KNOB_SETTING && !(knob->flags & CG_KNOB_ALIAS) &&
	       knob->phase != CG_PHASE_TYPE;
}

static int learn_file(const char *name, unsigned char type, void *context)
{
	struct learning *l = context;
	const struct cg_knob *knob;
	uint16_t mode = 0, index;
	int r;

	l->any = true;
	if (type == DT_DIR)
		return 0;
	knob = cg_knob_find(name, l->columns->version);
	if (knob ? !is_read(l->columns, knob) : !is_generic_setting(l->group, name, &mode))
		return 0;
	if (l->set->columns == CG_ARRAY_SIZE(l->set->column))
		return -E2BIG;
	r = column_of(l->columns, name, knob, mode, &index);
	if (r == 0)
		l->set->column[l->set->columns++] = index;
	return r;
}

int cg_columns_learn(struct cg_columns *c, uint32_t set, int group)
{
	struct learning l = {.columns = c, .set = c->set[set], .group = group};
	int r = 0;

	if (__atomic_load_n(&l.set->learnt, __ATOMIC_ACQUIRE))
		return 0;
	(void)pthread_mutex_lock(&c->lock);
	if (!l.set->learnt) {
		l.set->columns = 0;
		r = cg_dir_each(group, learn_file, &l);
		if (r == 0 && !l.any)
			r = -ENOENT;
		if (r == 0)
			__atomic_store_n(&l.set->learnt, true, __ATOMIC_RELEASE);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}
