/* The frame of the program: one row for each verb, one table of options for each row. Parsing, --help, `help`
 * and the shells' completions all read these tables and nothing else.
 *
 * A verb's function gets the words after its name, fills a structure of its own from its option table with
 * cli_parse(), and returns the exit status. Data goes to stdout, all else to stderr. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"

/* The exit statuses that scripts rely on. */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_DIFFERS = 1,
	CLI_EXIT_FAILED = 2,
	CLI_EXIT_PARTIAL = 3,
	CLI_EXIT_CORRUPT = 4,
	CLI_EXIT_UNSUPPORTED = 5,
	CLI_EXIT_USAGE = 64,
	CLI_SHOWN = -1, /* of cli_parse(): help was printed, nothing is left to do */
};

/* What an option's value is, and so the type of the member at `offset`. */
enum cli_kind {
	CLI_FLAG,   /* bool */
	CLI_TEXT,   /* const char * */
	CLI_LIST,   /* struct cli_list: may be given several times */
	CLI_CHOICE, /* int, an index into `choices` */
	CLI_NUMBER, /* unsigned, 1 to 4096 */
	CLI_PID,    /* int */
	CLI_COUNT,  /* unsigned, how often it was given */
};

/* What the argument names: for completions. */
enum cli_names { CLI_NAMES_NOTHING, CLI_NAMES_FILE, CLI_NAMES_DIRECTORY, CLI_NAMES_GROUP };

struct cli_option {
	char letter; /* '\0' when it has none */
	const char *name;
	enum cli_kind kind;
	size_t offset;
	const char *argument;       /* how help calls the value; NULL for CLI_FLAG and CLI_COUNT */
	const char *const *choices; /* CLI_CHOICE: the accepted words, NULL-terminated */
	enum cli_names names;
	const char *help; /* ends with the default where it has one: "(default: none)" */
};

struct cli_list {
	const char **item;
	size_t count;
};
void cli_list_free(struct cli_list *list);
#define _cleanup_list_ _cleanup_(cli_list_free)

struct cli;

struct cli_example {
	const char *command, *what;
};

/* What the first plain word of a verb may be, where it says what to do: a table whose rows begin with the
 * word (const char *). */
struct cli_words {
	const void *rows;
	size_t size, count; /* of a row; of rows */
};
#define CLI_WORDS(table)                                                                                     \
	{                                                                                                    \
		(table), sizeof((table)[0]), CG_ARRAY_SIZE(table)                                            \
	}

struct cli_verb {
	const char *name;
	const char *summary;                /* one line */
	const char *const *synopsis;        /* without "cgtree VERB "; NULL-terminated */
	const char *const *description;     /* paragraphs, NULL-terminated */
	const struct cli_option *options;   /* ends with a row without name */
	const struct cli_example *examples; /* ends with a row without command */
	const char *const *exits;           /* "0 what it means", NULL-terminated */
	struct cli_words words;
	/* Whether a word takes an option; NULL: nothing is known of it, and help of a word shows all. */
	bool (*word_takes)(const char *word, const struct cli_option *option);
	enum cli_names arguments; /* what the plain words are, for completions */
	bool quiet_trouble; /* all trouble but usage is exit status 2 (diff, verify), as diff(1) has it */
	bool plain;         /* it prints nothing but errors, and shall begin quickly: no locale is set up */
	bool changes; /* its work is done by the time stdout turns out to be closed (restore, recover) */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv[0] is the verb */
};

/* What all verbs share: the options common to them, and what was found out about the terminal. */
/* What only the program cgtree-manager can do; see src/daemon. */
struct cg_manager_options;
struct cli_manager {
	/* Prints the configuration as it would hold. */
	int (*check)(const struct cg_manager_options *options, struct cg_error **err);
	int (*run)(const struct cg_manager_options *options, struct cg_error **err);
};

struct cli {
	const struct cli_verb *const *verbs; /* NULL-terminated */
	char **argv;                         /* all of the command line */
	const struct cli_manager *manager;   /* NULL in cgtree itself */
	const struct cli_verb *verb;         /* NULL before one was recognised */
	/* common options */
	bool help, version, quiet, json, no_pager, progress;
	unsigned verbose;
	int color;
	/* the terminal */
	bool utf8, color_out, color_err;
	int width; /* columns of stdout; 0 when it is no terminal */
	/* progress */
	bool progress_on, progress_shown;
	uint64_t progress_time; /* of the last line, milliseconds on the monotonic clock */
	pid_t pager;            /* 0: none runs */
};

/* program.c: all that main() does. */
int cli_main(int argc, char **argv, const struct cli_manager *manager);

extern const struct cli_option cli_common_options[];

/* options.c. Parses argv by the common table and the verb's; `values` is where the offsets of the verb's
 * table point into. *ret_first is the index of the first plain word. 0, CLI_SHOWN after --help, or
 * CLI_EXIT_USAGE when it was said what is wrong. */
int cli_parse(struct cli *cli, void *values, int argc, char **argv, int *ret_first) CG_MUST_CHECK;
/* The same for what stands before the verb: common options only, stops at the first plain word. */
int cli_parse_common(struct cli *cli, int argc, char **argv, int *ret_first) CG_MUST_CHECK;
/* Says what is wrong with the command line and where help is; CLI_EXIT_USAGE. */
int cli_usage(struct cli *cli, const char *fmt, ...) CG_PRINTF(2, 3);
/* The candidate nearest to `word` by edit distance when it is near enough to be meant, or NULL. */
const char *cli_nearest(const char *word, const char *const *candidates, size_t count);
/* The row of the verb's words that is `word`; else says that there is none, with the nearest: CLI_EXIT_USAGE.
 */
int cli_find_word(struct cli *cli, const char *word, size_t *ret_row) CG_MUST_CHECK;

/* help.c */
void cli_help_all(const struct cli *cli);
void cli_help_verb(const struct cli *cli, const struct cli_verb *verb);
/* The same of one of the verb's words alone. */
void cli_help_word(const struct cli *cli, const struct cli_verb *verb, const char *word);
const char *cli_word_at(const struct cli_verb *verb, size_t row);
bool cli_verb_has_word(const struct cli_verb *verb, const char *word);
void cli_version(const struct cli *cli);
const struct cli_verb *cli_verb_find(const struct cli *cli, const char *name);
/* Says that there is no such verb, with the nearest; CLI_EXIT_USAGE. */
int cli_unknown_verb(struct cli *cli, const char *name);

/* report.c. Prints the error ("cgtree: VERB: PATH KNOB: message" and a line of advice) and gives the exit
 * status it means. With --json an object {"schema", "error"} goes to stdout too. */
int cli_fail(struct cli *cli, const struct cg_error *err);
/* The same without the object, for verbs whose own JSON holds the error. */
int cli_fail_text(struct cli *cli, const struct cg_error *err);
int cli_exit_of(const struct cli *cli, const struct cg_error *err);
/* A line on stderr, clear of the progress line. */
void cli_say(struct cli *cli, const char *fmt, ...) CG_PRINTF(2, 3);
/* A "! " line on stderr; `text` is escaped already. */
void cli_warn_line(struct cli *cli, const char *text);
/* Ends output to stdout: flushes, waits for the pager, and turns a write error into an exit status. */
int cli_finish(struct cli *cli, int status);

/* terminal.c */
void cli_terminal_init(struct cli *cli);
/* Sends stdout through $PAGER (less -FRX) when it is a terminal and nobody forbade it. */
void cli_pager_start(struct cli *cli);
void cli_pager_wait(struct cli *cli);
/* A cg_progress_fn; context is the struct cli. */
void cli_progress(void *context, const char *what, uint64_t done, uint64_t total);
void cli_progress_clear(struct cli *cli);

/* Escape sequences; empty strings when colour is off. */
struct cli_style {
	const char *bold, *dim, *green, *red, *yellow, *cyan, *reset;
};
struct cli_style cli_style_of(bool color);

/* Lets SIGINT and SIGTERM set a flag instead of ending the program, and gives the flag. A second signal ends
 * nothing either: what runs is a rollback. */
const volatile int *cli_catch_signals(void);
/* Back to the system's way, for work that leaves nothing behind when it is cut off. */
void cli_release_signals(void);

extern const struct cli_verb cli_verb_dump, cli_verb_restore, cli_verb_show, cli_verb_check, cli_verb_verify,
	cli_verb_diff, cli_verb_decode, cli_verb_convert, cli_verb_bind, cli_verb_unbind, cli_verb_encode,
	cli_verb_criu, cli_verb_oci, cli_verb_recover, cli_verb_help;
extern const struct cli_verb cli_verb_ls, cli_verb_get, cli_verb_set, cli_verb_create, cli_verb_delete,
	cli_verb_attach, cli_verb_exec, cli_verb_import, cli_verb_export;
#ifdef CGTREE_MANAGER
extern const struct cli_verb cli_verb_manager, cli_verb_job;
#endif
