/* Tries the points of a restore: one system call after the other fails with each error that fits, or is the
 * last of a killed program, or brings a signal; and the same for what takes the restore back. After each the
 * target must be exactly what it was, or, where the program could go on, exactly what a restore makes of it.
 *
 * The calls are those from the reading of the image on. Two phases are counted apart, because only the first
 * has threads, whose calls come in any order: what is looked at, and, from the folder of undo records on,
 * what is changed. */
#include "points.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_REACHED   124
#define KILLED        137
#define COMMIT_SLACK  16 /* calls that a restore may make more or less where it waits */
#define DETAILS_SHOWN 12 /* failures that are told with all there is to see */

struct tally {
	size_t tried, rolled_back, survived, unreached, partial;
};

struct test {
	const struct config *c;
	struct trace trace;
	size_t looks, changes; /* calls of the two phases */
	size_t commit;        /* number of the change that ends the restore, give or take what it waits for */
	int status;           /* of a restore that nothing disturbs */
	char *before, *after; /* the target without the restore and with it */
	struct tally tally;
	size_t failures;
};

static void show_file(const struct config *c, const char *name)
{
	char *all = content(c, name), *rest = all, *line;

	for (int i = 0; i < 12 && (line = strsep(&rest, "\n")) && *line; i++)
		printf("    %s: %s\n", name, line);
	free(all);
}

static void __attribute__((format(printf, 2, 3))) complain(struct test *t, const char *format, ...)
{
	va_list args;

	printf("FAILED: %s: ", t->c->name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (++t->failures <= DETAILS_SHOWN) {
		show_file(t->c, "out");
		show_file(t->c, "err");
	}
	fflush(stdout);
}

static void save(const struct config *c, const char *name, const char *data)
{
	char *path = text("%s/%s", c->work, name);
	FILE *file = fopen(path, "we");

	if (!file || fputs(data, file) < 0 || fclose(file) != 0)
		die("cannot write %s", path);
	free(path);
}

static void show_difference(const struct config *c, const char *wanted, const char *found)
{
	char *command =
		text("diff -U3 '%s/wanted' '%s/found' | head -n 24 | sed 's/^/    /'", c->work, c->work);

	save(c, "wanted", wanted);
	save(c, "found", found);
	fflush(stdout);
	if (system(command) < 0)
		puts("    (diff cannot be run)");
	free(command);
}

/* Whether the target is as in a picture; said if not. */
static bool looks_like(struct test *t, const char *wanted, const char *what, const char *point)
{
	char *found = picture(t->c);
	bool same = strcmp(wanted, found) == 0;

	if (!same) {
		complain(t, "%s: the target is not %s", point, what);
		if (t->failures <= DETAILS_SHOWN)
			show_difference(t->c, wanted, found);
	}
	free(found);
	return same;
}

static bool has_no_record(struct test *t, const char *point)
{
	if (records(t->c) == 0)
		return true;
	complain(t, "%s: an undo record is left", point);
	return false;
}

/* Makes the target anew, in whatever state it is; without that no further point makes sense. */
static void make_anew(struct test *t)
{
	struct list argv = {0};
	char *found;

	list_add(&argv, "/bin/sh");
	list_add(&argv, "-c");
	list_add(&argv, t->c->reset);
	if (run_command(t->c, argv.item) != 0) {
		show_file(t->c, "out");
		show_file(t->c, "err");
		die("%s: the target cannot be made anew", t->c->name);
	}
	list_free(&argv);
	if (records(t->c) != 0)
		die("%s: making anew left undo records", t->c->name);
	found = picture(t->c);
	if (t->before && strcmp(found, t->before) != 0) {
		show_difference(t->c, t->before, found);
		die("%s: the target made anew is another", t->c->name);
	}
	if (t->before)
		free(found);
	else
		t->before = found;
}

/* After a failure: a recover, for what it is worth, then all anew. */
static void mend(struct test *t)
{
	char *command = text("rm -rf '%s'", t->c->records);

	(void)run_recover(t->c, NULL);
	if (system(command) != 0)
		die("cannot remove the records");
	free(command);
	make_anew(t);
}

static bool contains(const struct config *c, const char *file, const char *words)
{
	char *all = content(c, file);
	bool found = strstr(all, words) != NULL;

	free(all);
	return found;
}

/* A recover brings everything back. */
static bool recovers(struct test *t, const char *point)
{
	int status = run_recover(t->c, NULL);

	if (status != 0) {
		complain(t, "%s: recover ends with %d", point, status);
		return false;
	}
	return has_no_record(t, point) && looks_like(t, t->before, "what it was, after recover", point);
}

/* The program could go on: then all is as it should be. */
static bool is_done(struct test *t, int status, const char *point)
{
	bool good = has_no_record(t, point);

	t->tally.survived++;
	if (status < t->status) {
		complain(t, "%s: ends with %d instead of %d", point, status, t->status);
		good = false;
	}
	if (status == 1 && !contains(t->c, "out", "! ") && !contains(t->c, "err", "cannot write to stdout")) {
		complain(t, "%s: something differs, and no line says what", point);
		good = false;
	}
	good = looks_like(t, t->after, "what a restore makes", point) && good;
	if (good)
		make_anew(t);
	return good;
}

static bool is_partial(struct test *t, bool allowed, const char *point)
{
	t->tally.partial++;
	if (!allowed) {
		complain(t, "%s: not rolled back", point);
		return false;
	}
	if (records(t->c) == 0 || !contains(t->c, "err", "cgtree recover")) {
		complain(t, "%s: partly changed, with no record or no word about recover", point);
		return false;
	}
	return recovers(t, point);
}

/* The sanitizers' own start of a thread reads /proc and takes no failure: such a point is none of the
 * program's. */
static bool is_of_sanitizer(const struct test *t)
{
	return contains(t->c, "err", "AddressSanitizer: CHECK failed");
}

/* Judges the end of a restore at a point. */
static void judge(struct test *t, int status, bool may_be_partial, const char *point)
{
	bool good;

	t->tally.tried++;
	if (may_be_partial)
		drop_unnamed_records(t->c);
	if (status == 1 && is_of_sanitizer(t))
		status = NOT_REACHED;
	switch (status) {
	case 0:
	case 1:
		good = is_done(t, status, point);
		break;
	case 2:
		t->tally.rolled_back++;
		good = has_no_record(t, point) && looks_like(t, t->before, "what it was", point);
		break;
	case 3:
		good = is_partial(t, may_be_partial, point);
		break;
	case NOT_REACHED:
		t->tally.tried--;
		t->tally.unreached++;
		mend(t);
		good = true;
		break;
	default:
		complain(t, "%s: ended with %d", point, status);
		good = false;
		break;
	}
	if (!good)
		mend(t);
}

static void tell(struct test *t, const char *what, size_t calls)
{
	const struct tally *y = &t->tally;

	printf("%s: %s: %zu points at %zu calls: %zu rolled back, %zu went on", t->c->name, what, y->tried,
		calls, y->rolled_back, y->survived);
	if (y->partial)
		printf(", %zu left to recover", y->partial);
	if (y->unreached)
		printf(", %zu more not reached", y->unreached);
	putchar('\n');
	fflush(stdout);
	t->tally = (struct tally){0};
}

static const char *start_of(const struct test *t, size_t i)
{
	return i < t->looks ? t->c->image : t->c->records;
}

/* The number of a call of the trace within its phase. */
static size_t number_of(const struct test *t, size_t i)
{
	return i < t->looks ? i + 1 : i - t->looks + 1;
}

static char *point_of(const struct test *t, size_t i, const char *what)
{
	return text("%s %zu of %zu (%s) %s", i < t->looks ? "look" : "change", number_of(t, i),
		i < t->looks ? t->looks : t->changes, t->trace.call[i].name, what);
}

/* The next point to try; of the changes the first is among them. */
static size_t next(const struct test *t, size_t i)
{
	if (i < t->looks && i + t->c->look >= t->looks)
		return t->looks;
	return i + (i < t->looks ? t->c->look : t->c->stride);
}

static void fail_points(struct test *t)
{
	size_t calls = 0;

	for (size_t i = 0; i < t->trace.count; i = next(t, i), calls++) {
		const struct call *call = &t->trace.call[i];

		for (size_t e = 0; e < call->errors.count; e++) {
			char *fail = text("%zu=%s", number_of(t, i), call->errors.item[e]);
			char *point = point_of(t, i, call->errors.item[e]);

			judge(t,
				run_restore(t->c, (const char *const[]){"--after-path", start_of(t, i),
							  "--fail", fail, NULL}),
				false, point);
			free(fail);
			free(point);
		}
	}
	tell(t, "each error that fits", calls);
}

static void kill_one(struct test *t, size_t i, const char *how)
{
	char *n = text("%zu", number_of(t, i)), *point = point_of(t, i, how);
	int status = run_restore(t->c, (const char *const[]){"--after-path", start_of(t, i), how, n, NULL});
	/* Whether the record was still there the number alone does not tell. */
	bool done = i >= t->looks && number_of(t, i) + COMMIT_SLACK >= t->commit && records(t->c) == 0;

	if (status == NOT_REACHED) {
		t->tally.unreached++;
		mend(t);
	} else {
		t->tally.tried++;
		if (status != KILLED)
			complain(t, "%s: ended with %d", point, status);
		else if (done) {
			t->tally.survived++;
			(void)looks_like(t, t->after, "what a restore makes", point);
		} else if (recovers(t, point)) {
			t->tally.rolled_back++;
		}
		if (t->failures || done)
			mend(t);
	}
	free(n);
	free(point);
}

static void kill_points(struct test *t)
{
	size_t calls = 0;

	for (size_t i = 0; i < t->trace.count; i = next(t, i), calls++) {
		kill_one(t, i, "--kill");
		kill_one(t, i, "--kill-after");
	}
	tell(t, "killed at and after, then recover", calls);
}

static void signal_points(struct test *t)
{
	size_t calls = 0;

	for (size_t i = 0; i < t->trace.count; i = next(t, i), calls++) {
		const char *name = i % 2 ? "TERM" : "INT";
		char *signal = text("%zu=%s", number_of(t, i), name), *point = point_of(t, i, name);

		judge(t,
			run_restore(t->c, (const char *const[]){"--after-path", start_of(t, i), "--signal",
						  signal, NULL}),
			false, point);
		free(signal);
		free(point);
	}
	tell(t, "SIGINT or SIGTERM", calls);
}

static size_t count_calls(const struct test *t, const char *name)
{
	struct trace trace;
	size_t count;

	trace_read(t->c, name, &trace);
	count = trace.count;
	trace_free(&trace);
	return count;
}

/* Kills a restore at a change, so that there is something to recover; false when it was done by then. */
static bool kill_at(struct test *t, const char *change)
{
	int status = run_restore(
		t->c, (const char *const[]){"--after-path", t->c->records, "--kill", change, NULL});

	if (status == NOT_REACHED || (status == KILLED && records(t->c) == 0)) {
		t->tally.unreached++;
		mend(t);
		return false;
	}
	if (status != KILLED) {
		show_file(t->c, "out");
		show_file(t->c, "err");
		die("%s: a restore to be killed at change %s ends with %d", t->c->name, change, status);
	}
	return true;
}

/* One point of a recover, of a restore that was killed at `kill`: it fails or is killed, and a second one
 * finds everything it needs. */
static void recover_point(
	struct test *t, const char *kill, const char *how, const char *what, const char *point)
{
	int status;

	if (!kill_at(t, kill))
		return;
	status = run_recover(t->c, (const char *const[]){"--after-path", t->c->records, how, what, NULL});
	if (status == NOT_REACHED)
		t->tally.unreached++;
	else
		t->tally.tried++;
	if (status > 3 && status != NOT_REACHED && status != KILLED) {
		complain(t, "%s: ended with %d", point, status);
		mend(t);
	} else if (recovers(t, point)) {
		t->tally.rolled_back++;
	} else {
		mend(t);
	}
}

/* Faults of recover, after kills at some points. */
static void recover_points(struct test *t)
{
	char *trace_file = text("%s/recover", t->c->work);
	size_t calls = 0;

	for (size_t i = t->commit; i > 0; i -= i > t->c->sample ? t->c->sample : i) {
		char *kill = text("%zu", i);
		struct trace trace;

		if (!kill_at(t, kill)) {
			free(kill);
			continue;
		}
		(void)run_recover(t->c,
			(const char *const[]){"--after-path", t->c->records, "--trace", trace_file, NULL});
		trace_read(t->c, "recover", &trace);
		for (size_t k = 0; k < trace.count; k += t->c->sample, calls++) {
			char *n = text("%zu", k + 1);
			char *point = text("killed at change %zu, recover's call %zu (%s)", i, k + 1,
				trace.call[k].name);

			recover_point(t, kill, "--kill", n, point);
			recover_point(t, kill, "--kill-after", n, point);
			for (size_t e = 0; e < trace.call[k].errors.count; e++) {
				char *fail = text("%s=%s", n, trace.call[k].errors.item[e]);

				recover_point(t, kill, "--fail", fail, point);
				free(fail);
			}
			free(n);
			free(point);
		}
		trace_free(&trace);
		free(kill);
	}
	free(trace_file);
	tell(t, "recover killed or failing, then recover", calls);
}

/* A second fault while the first is rolled back; and then nothing works any more. */
static void double_points(struct test *t)
{
	char *trace_file = text("%s/double", t->c->work);
	size_t calls = 0;

	for (size_t i = t->commit; i > 0; i -= i > t->c->sample ? t->c->sample : i) {
		char *first = text("%zu=EIO", i), *all = text("%zu-1000000=EIO", i), *point;
		int status = run_restore(t->c, (const char *const[]){"--after-path", t->c->records, "--trace",
						       trace_file, "--fail", first, NULL});
		size_t last = count_calls(t, "double");

		point = text("all from change %zu on", i);
		judge(t, status, false, point);
		for (size_t k = i + 1; k <= last; k += t->c->sample, calls++) {
			char *second = text("%zu=%s", k, k % 2 ? "EPERM" : "EINTR");
			char *both = text("changes %s and %s", first, second);

			judge(t,
				run_restore(t->c, (const char *const[]){"--after-path", t->c->records,
							  "--fail", first, "--fail", second, NULL}),
				true, both);
			free(second);
			free(both);
		}
		judge(t,
			run_restore(t->c, (const char *const[]){"--after-path", t->c->records, "--at",
						  t->c->groups, "--fail", all, NULL}),
			true, point);
		free(first);
		free(all);
		free(point);
	}
	free(trace_file);
	tell(t, "a second fault in the rollback", calls);
}

/* Memory that runs out at one point and stays so. */
static void memory_points(struct test *t)
{
	const char *const starts[] = {t->c->image, t->c->records};
	size_t calls = 0;

	for (size_t phase = 0; phase < 2; phase++) {
		for (size_t i = 1;; i++, calls++) {
			char *from = text("%zu-1000000=ENOMEM", i),
			     *point = text("no memory from request %zu on", i);
			int status =
				run_restore(t->c, (const char *const[]){"--after-path", starts[phase],
							  "--only", "brk,mmap,mremap", "--fail", from, NULL});

			free(from);
			if (status == NOT_REACHED) {
				free(point);
				mend(t);
				break;
			}
			judge(t, status, false, point);
			free(point);
		}
	}
	tell(t, "no memory from a point on", calls);
}

/* The undisturbed restore: what it calls, and what it makes. */
static void learn(struct test *t)
{
	char *file = text("%s/trace", t->c->work);
	int status;

	make_anew(t);
	status = run_restore(t->c, (const char *const[]){"--after-path", t->c->image, "--trace", file, NULL});
	if (status != 0 && status != 1) {
		show_file(t->c, "out");
		show_file(t->c, "err");
		die("%s: the undisturbed restore ends with %d", t->c->name, status);
	}
	trace_read(t->c, "trace", &t->trace);
	while (t->looks < t->trace.count && !t->trace.call[t->looks].changes)
		t->looks++;
	t->status = status;
	t->changes = t->trace.count - t->looks;
	for (size_t i = t->looks; i < t->trace.count; i++)
		if (t->trace.call[i].commits)
			t->commit = number_of(t, i);
	t->after = picture(t->c);
	if (t->commit == 0 || strcmp(t->before, t->after) == 0)
		die("%s: the restore changes nothing", t->c->name);
	make_anew(t);
	printf("%s: %zu calls look, each %u. is tried; %zu change, each %u. is tried; each %u. where loops lie in loops\n",
		t->c->name, t->looks, t->c->look, t->changes, t->c->stride, t->c->sample);
	fflush(stdout);
}

static void number(const char *word, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(word, &end, 10);

	if (*end || n == 0 || n > 100000)
		die("not a number from 1 up: %s", word);
	*ret = (unsigned)n;
}

enum word {
	NAME = 256,
	INJECT,
	PROGRAM,
	IMAGE,
	RECORDS,
	GROUPS,
	RESET,
	WORK,
	DIRECTORY,
	TASK,
	STRIDE,
	LOOK,
	SAMPLE,
	NO_MEMORY
};

static void take_option(struct config *c, int option, const char *value)
{
	const char **const words[] = {[NAME - NAME] = &c->name,
		[INJECT - NAME] = &c->inject,
		[PROGRAM - NAME] = &c->program,
		[IMAGE - NAME] = &c->image,
		[RECORDS - NAME] = &c->records,
		[GROUPS - NAME] = &c->groups,
		[RESET - NAME] = &c->reset,
		[WORK - NAME] = &c->work};

	if (option >= NAME && option <= WORK)
		*words[option - NAME] = value;
	else if (option == DIRECTORY || option == TASK)
		list_add(option == TASK ? &c->tasks : &c->dirs, value);
	else if (option == STRIDE || option == LOOK || option == SAMPLE)
		number(value, option == STRIDE ? &c->stride : option == LOOK ? &c->look : &c->sample);
	else if (option == NO_MEMORY)
		c->no_memory = true;
	else
		die("usage: points --name ... -- RESTORE-OPTION... (see rollback)");
}

static void parse(struct config *c, int argc, char **argv)
{
	static const struct option known[] = {{"name", required_argument, NULL, NAME},
		{"inject", required_argument, NULL, INJECT}, {"program", required_argument, NULL, PROGRAM},
		{"image", required_argument, NULL, IMAGE}, {"records", required_argument, NULL, RECORDS},
		{"groups", required_argument, NULL, GROUPS}, {"reset", required_argument, NULL, RESET},
		{"work", required_argument, NULL, WORK}, {"dir", required_argument, NULL, DIRECTORY},
		{"task", required_argument, NULL, TASK}, {"stride", required_argument, NULL, STRIDE},
		{"look", required_argument, NULL, LOOK}, {"sample", required_argument, NULL, SAMPLE},
		{"no-memory", no_argument, NULL, NO_MEMORY}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1)
		take_option(c, option, optarg);
	for (int i = optind; i < argc; i++)
		list_add(&c->args, argv[i]);
	if (!c->name || !c->inject || !c->program || !c->image || !c->records || !c->groups || !c->reset ||
		!c->work || c->dirs.count == 0)
		die("an option is missing");
}

int main(int argc, char **argv)
{
	struct config c = {.stride = 1, .look = 1, .sample = 1};
	struct test t = {.c = &c};

	parse(&c, argc, argv);
	learn(&t);
	fail_points(&t);
	kill_points(&t);
	signal_points(&t);
	recover_points(&t);
	double_points(&t);
	if (c.no_memory)
		memory_points(&t);
	trace_free(&t.trace);
	list_free(&c.args);
	list_free(&c.dirs);
	list_free(&c.tasks);
	free(t.before);
	free(t.after);
	return t.failures ? 1 : 0;
}
