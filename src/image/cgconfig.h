/* The configuration of libcgroup (cgconfig.conf(5)) to a tree, and a tree as one.
 *
 *   file       = { item }
 *   item       = "group" name "{" { "perm" perm | controller } "}"
 *              | "template" name "{" { "perm" perm | controller } "}"
 *              | "mount" "{" { name "=" path ";" } "}"
 *              | "default" "{" "perm" perm "}"
 *              | "namespace" | "systemd" "{" { name "=" value ";" } "}"
 *   controller = name "{" { file "=" value ";" } "}"
 *   perm       = "{" { ( "task" | "admin" ) "{" { ( "uid" | "gid" | "fperm" | "dperm" ) "=" value ";" } "}" }
 * "}" name, path, file, value = word | '"' any bytes but '"' '"' word       = bytes but blanks, control
 * bytes, and any of {}=;"#
 *
 * "#" begins a comment that ends with its line. The reader is strict: what is not of this grammar is an error
 * (CG_FAULT_CORRUPT) with the number of its line, and so is a value that its file would not take. */
#pragma once

#include "base/arena.h"
#include "base/attributes.h"
#include "base/error.h"
#include "base/text.h"
#include "model/tree.h"

#define CG_CGCONFIG_SIZE_MAX ((size_t)16 << 20)

struct cg_cgconfig_setting {
	const char *name;
	struct cg_bytes value;
	unsigned line;
};

struct cg_cgconfig_controller {
	const char *name;
	struct cg_cgconfig_setting *setting;
	size_t settings;
	unsigned line;
};

/* What a perm block says; NULL and false where it says nothing. */
struct cg_cgconfig_perm {
	const char *uid, *gid; /* names or numbers */
	uint16_t fperm, dperm;
	bool has_fperm, has_dperm;
};

struct cg_cgconfig_group {
	const char *name;
	struct cg_cgconfig_controller *controller;
	size_t controllers;
	struct cg_cgconfig_perm task, admin;
	unsigned line;
	bool template;
};

struct cg_cgconfig_mount {
	const char *controller, *path;
	unsigned line;
};

struct cg_cgconfig {
	struct cg_arena arena;
	struct cg_cgconfig_group *group;
	struct cg_cgconfig_mount *mount;
	size_t groups, mounts;
	struct cg_cgconfig_perm task, admin; /* of "default" */
	unsigned foreign;                    /* line of the first section that is not about groups; 0: none */
};

int cg_cgconfig_parse(struct cg_bytes text, struct cg_cgconfig *ret, struct cg_error **err) CG_MUST_CHECK;
void cg_cgconfig_free(struct cg_cgconfig *c);
#define _cleanup_cgconfig_ _cleanup_(cg_cgconfig_free)

/* The number of a user, or with `group` of a group, of that name: 0, or -ENOENT. */
typedef int cg_cgconfig_id_fn(void *context, bool group, const char *name, uint32_t *ret);

struct cg_cgconfig_options {
	int version; /* 1 or 2: of controllers that both versions have and whose files do not tell */
	bool follow; /* these go by the others, when all of those are of one version */
	const char *const
		*joined; /* lists of v1 controllers that share a hierarchy here, as cgroup(7) mounts
			    them; NULL-terminated, or NULL: each has its own unless "mount" says so */
	const char *const *from, *const *to; /* templates to take: their names, and the paths of their groups;
						NULL-terminated */
	cg_cgconfig_id_fn *id;
	void *context;
	uint64_t page_size;
};

/* A linked tree. What has no place in one (templates that were not asked for, sections about mounts and
 * tasks, writes that do something once) is named in its notes. */
int cg_cgconfig_import(const struct cg_cgconfig *config, const struct cg_cgconfig_options *options,
	struct cg_tree **ret, struct cg_error **err) CG_MUST_CHECK;

/* Told of each thing that the configuration has no place for. A result other than 0 ends the export. */
typedef int cg_cgconfig_lost_fn(void *context, const char *path, const char *knob, const char *text);

/* Appends the tree as a configuration: of each group the settings that a new one does not have anyway, and
 * its owners where they are not root. */
int cg_cgconfig_export(const struct cg_tree *tree, cg_cgconfig_lost_fn *lost, void *context,
	struct cg_text *ret, struct cg_error **err) CG_MUST_CHECK;
