/* The command line of an OCI runtime. See oci_call.h. */
#include "cli/oci_call.h"

#include <stddef.h>
#include <string.h>

/* Options that take a value, of the runtimes' global ones and of checkpoint and restore: the word after them
 * is no command and no id. */
static const char *const global_values[] = {
	"criu", "log", "log-format", "log-level", "root", "rootless", "cgroup-manager", NULL};
static const char *const command_values[] = {"b", "bundle", "console-socket", "empty-ns", "image-path",
	"lsm-mount-context", "lsm-profile", "manage-cgroups-mode", "page-server", "parent-path", "pid-file",
	"preserve-fds", "status-fd", "work-path", NULL};

/* "-name", "--name", "--name=value"; one dash is as good as two. */
struct option {
	const char *name;
	size_t len;
	const char *value; /* behind "=", or the next word when it takes one */
};

static bool is_named(const struct option *o, const char *name)
{
	return strlen(name) == o->len && memcmp(o->name, name, o->len) == 0;
}

static bool stands_in(const struct option *o, const char *const *names)
{
	for (; *names; names++)
		if (is_named(o, *names))
			return true;
	return false;
}

/* Takes the option at *i, and its value with it; *i is then the last word that was taken. */
static struct option take_option(int argc, char *const *argv, int *i, const char *const *with_value)
{
	struct option o = {.name = argv[*i] + 1};
	const char *sign;

	o.name += o.name[0] == '-';
	sign = strchr(o.name, '=');
	o.len = sign ? (size_t)(sign - o.name) : strlen(o.name);
	if (sign)
		o.value = sign + 1;
	else if (stands_in(&o, with_value) && *i + 1 < argc)
		o.value = argv[++*i];
	return o;
}

/* A flag may be written out: --detach=false. */
static bool is_set(const struct option *o)
{
	return !o->value || strcmp(o->value, "false") != 0;
}

static int find_command(int argc, char *const *argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++)
		(void)take_option(argc, argv, &i, global_values);
	return i;
}

static bool take_command_option(int argc, char *const *argv, int *i, struct oci_call *c)
{
	struct option o = take_option(argc, argv, i, command_values);

	if (is_named(&o, "image-path") && o.value)
		c->image_path = o.value;
	else if ((is_named(&o, "bundle") || is_named(&o, "b")) && o.value)
		c->bundle = o.value;
	else if (is_named(&o, "detach") || is_named(&o, "d"))
		c->detach = is_set(&o);
	return !((is_named(&o, "pre-dump") || is_named(&o, "help") || is_named(&o, "h")) && is_set(&o));
}

struct oci_call oci_call_parse(int argc, char *const *argv)
{
	static const struct oci_call other = {.command = OCI_OTHER};
	struct oci_call c = {.image_path = "checkpoint", .bundle = ".", .at = find_command(argc, argv)};
	bool options = true;

	if (c.at >= argc)
		return other;
	if (strcmp(argv[c.at], "checkpoint") == 0)
		c.command = OCI_CHECKPOINT;
	else if (strcmp(argv[c.at], "restore") == 0)
		c.command = OCI_RESTORE;
	else
		return other;
	for (int i = c.at + 1; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (!options || argv[i][0] != '-' || !argv[i][1])
			c.id = argv[i]; /* the last word: values of options that we do not know come before it
					 */
		else if (!take_command_option(argc, argv, &i, &c))
			return other;
	}
	return c.id && c.image_path[0] && c.bundle[0] ? c : other;
}
